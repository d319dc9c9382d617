#pragma once

// What clients wait for one kind of statement while nothing is replayed, against what they wait
// lately. Logarithms, so that one that waits for a lock does not outweigh a hundred that do not.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace parallax::shadow {

class LatencyPair {
 public:
  static constexpr std::size_t kLeast = 20;      // of each, before anything is said
  static constexpr std::size_t kQuietKept = 64;  // the latest
  static constexpr std::size_t kLively = 3;      // in an interval

  // Nothing was replayed all the while. `interval`: a count that only grows.
  void quiet(double seconds, std::uint64_t interval) {
    quiet_.push_back({log_of(seconds), interval});
    if (quiet_.size() > kQuietKept) quiet_.pop_front();
  }
  void lately(double seconds, std::uint64_t interval) {
    if (lately_.count == 0) since_ = interval;
    lately_.add(log_of(seconds));
  }
  // In this interval, whether it counts or not.
  void came() { ++came_; }
  void end_interval() { lively_ = std::exchange(came_, 0) >= kLively ? lively_ + 1 : 0; }
  // For how many intervals, up to now, enough came that somebody would be seen if it were quiet.
  std::size_t lively() const { return lively_; }
  void forget_lately() { lately_ = {}; }
  std::size_t count() const { return lately_.count; }
  // Since when what came lately is counted.
  std::uint64_t since() const { return since_; }
  bool judgeable() const { return lately_.count >= kLeast; }
  // Enough that is not older than `age` intervals.
  bool has_baseline(std::uint64_t interval, std::uint64_t age) const {
    return quiet_.size() >= kLeast && quiet_[quiet_.size() - kLeast].interval + age >= interval;
  }
  // What was found is to be seen again, with nothing that was seen before.
  void suspect(std::uint64_t interval) {
    usual_ = usual_seconds();
    quiet_.clear();
    lately_ = {};
    suspected_ = interval;
  }
  std::optional<std::uint64_t> suspected() const { return suspected_; }
  void settle() {
    suspected_.reset();
    lately_ = {};
  }

  // What clients wait lately; 0 = nothing is known.
  double usual_seconds() const { return lately_.count == 0 ? usual_ : std::exp2(lately_.mean()); }

  struct Ratio {
    double estimate = 1;  // lately to quiet
    double at_least = 1;  // with 97.5 % of confidence
    double more_seconds = 0;
  };
  // To a baseline that is not older than `age` intervals. Needs both.
  Ratio ratio(std::uint64_t interval, std::uint64_t age) const {
    Moments quiet;
    for (const auto& one : quiet_) {
      if (one.interval + age >= interval) quiet.add(one.log);
    }
    const double difference = lately_.mean() - quiet.mean();
    const double error = std::sqrt(lately_.variance_of_mean() + quiet.variance_of_mean());
    return {std::exp2(difference), std::exp2(difference - 2 * error),
            std::exp2(lately_.mean()) - std::exp2(quiet.mean())};
  }

 private:
  static double log_of(double seconds) { return std::log2(seconds < 1e-6 ? 1e-6 : seconds); }
  struct Moments {
    std::size_t count = 0;
    double sum = 0;
    double squares = 0;
    void add(double value) {
      ++count;
      sum += value;
      squares += value * value;
    }
    double mean() const { return sum / static_cast<double>(count); }
    double variance_of_mean() const {
      const auto n = static_cast<double>(count);
      return std::fmax(0, squares / n - mean() * mean()) / (n - 1);
    }
  };
  struct Quiet {
    double log;
    std::uint64_t interval;
  };
  std::deque<Quiet> quiet_;  // the oldest first
  Moments lately_;
  double usual_ = 0;
  std::size_t came_ = 0;
  std::size_t lively_ = 0;
  std::uint64_t since_ = 0;
  std::optional<std::uint64_t> suspected_;  // when
};

}  // namespace parallax::shadow
