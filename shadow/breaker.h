#pragma once

// Whether replays may go to the server. It opens when the server has shown that they are more than
// it can bear: too many that were costly without a verdict, or far slower than what clients wait
// for. After a back-off, which grows, one replay tries; its end decides. A difference or an error
// of the rewrite is a verdict and opens nothing, however often it comes.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace parallax::shadow {

inline constexpr std::chrono::milliseconds kBreakerPauseFirst{1'000};
inline constexpr std::chrono::milliseconds kBreakerPauseMax{60'000};

class Breaker {
 public:
  static constexpr std::uint32_t kRecent = 20;  // replays that `costly_of_recent` looks back on
  static constexpr std::uint32_t kPaired = 64;  // replays among which the slow ones are counted
  // A replay is slow when it takes so many times what the client waited for, and this long.
  static constexpr double kSlowRatio = 10;
  static constexpr double kSlowSeconds = 0.1;

  struct Limits {
    std::uint32_t costly_in_row;
    std::uint32_t costly_of_recent;
    std::uint32_t slow_of_paired;
  };
  // Of one rule; the last is its 95th percentile.
  static constexpr Limits kOfRule{5, 10, 4};

  struct Replay {
    bool costly = false;        // a timeout, the server's trouble, a result without end
    double replay_seconds = 0;  // of the rewrite; 0 = not known
    double live_seconds = 0;    // what the client waited for; 0 = not known
  };
  struct Change {
    bool open = false;
    std::string reason;
  };
  enum class Ticket { ordinary, probe };

  explicit Breaker(const Limits& limits) : limits_(limits) {}

  // Times are monotonic nanoseconds. May a replay begin?
  bool admits(std::uint64_t now_ns) const;
  // One begins, which was admitted. Its end must be told with the ticket.
  Ticket begin(std::uint64_t now_ns);
  // What has changed; nothing while it stays closed, or opens again after a probe.
  std::optional<Change> ended(Ticket ticket, const Replay& replay, std::uint64_t now_ns);

 private:
  enum class State { closed, open, probing };

  std::string why_too_much(const Replay& replay);
  std::string why_too_slow(const Replay& replay);
  void open(std::uint64_t now_ns);
  void forget();

  Limits limits_;
  State state_ = State::closed;
  std::uint32_t recent_ = 0;  // a bit a replay, the last one lowest: costly
  std::uint32_t in_row_ = 0;
  std::uint32_t paired_ = 0;
  std::uint32_t slow_ = 0;
  std::chrono::milliseconds pause_ = kBreakerPauseFirst;  // of the next time that it opens
  std::uint64_t open_until_ns_ = 0;
};

}  // namespace parallax::shadow
