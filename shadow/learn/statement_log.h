#pragma once

// Where the workers of `parallax learn` put what they see. Thread-safe and bounded: counts are of
// all statements, examples of the newest for which there is room.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "shadow/learn/observation.h"

namespace parallax::shadow {

class StatementLog {
 public:
  struct Limits {
    std::size_t statements = 5'000;                      // told apart
    std::size_t examples = 400;                          // of one statement
    std::size_t bytes = std::size_t{256} * 1024 * 1024;  // of all examples
  };
  StatementLog() = default;
  explicit StatementLog(Limits limits) : limits_(limits) {}

  // `shape` and `text` of the statement itself: the first of a key is kept.
  void add(Side side, const std::string& text, const StatementShape& shape, Observation observation,
           bool failed);
  void add_other(std::string_view command_tag);
  void add_unreadable();
  void add_unchosen();

  // Since when nothing has come (the steady clock of observations); 0 before the first.
  std::uint64_t last_ns() const { return last_ns_.load(std::memory_order_relaxed); }
  // All that was seen; the log is empty afterwards.
  LearnedTraffic take();

 private:
  void keep(LearnedStatement& statement, Observation observation);
  void make_room();

  Limits limits_;
  mutable std::mutex mutex_;
  std::atomic<std::uint64_t> last_ns_{0};
  LearnedTraffic traffic_;
  std::unordered_map<std::string, std::size_t> by_key_;
  std::size_t bytes_ = 0;
};

}  // namespace parallax::shadow
