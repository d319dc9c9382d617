#include "shadow/breaker.h"

#include <algorithm>
#include <bit>

namespace parallax::shadow {

namespace {

constexpr std::uint32_t kRecentMask = (std::uint32_t{1} << Breaker::kRecent) - 1;

}  // namespace

bool Breaker::admits(std::uint64_t now_ns) const {
  switch (state_) {
    case State::closed:
      return true;
    case State::open:
      return now_ns >= open_until_ns_;
    case State::probing:
      return false;
  }
  return false;
}

Breaker::Ticket Breaker::begin(std::uint64_t now_ns) {
  if (state_ != State::open || now_ns < open_until_ns_) return Ticket::ordinary;
  state_ = State::probing;
  return Ticket::probe;
}

std::optional<Breaker::Change> Breaker::ended(Ticket ticket, const Replay& replay,
                                              std::uint64_t now_ns) {
  if (ticket == Ticket::probe) {
    if (replay.costly) {
      open(now_ns);
      return std::nullopt;
    }
    state_ = State::closed;
    return Change{false, "a replay has ended well"};
  }
  // Those that were under way when it opened say nothing new.
  if (state_ != State::closed) return std::nullopt;
  auto reason = why_too_much(replay);
  if (reason.empty()) reason = why_too_slow(replay);
  if (reason.empty()) return std::nullopt;
  open(now_ns);
  return Change{true, std::move(reason)};
}

std::string Breaker::why_too_much(const Replay& replay) {
  recent_ = ((recent_ << 1) | (replay.costly ? 1U : 0U)) & kRecentMask;
  in_row_ = replay.costly ? in_row_ + 1 : 0;
  if (in_row_ >= limits_.costly_in_row) {
    return std::to_string(in_row_) + " replays in a row timed out, failed or had no end";
  }
  const auto costly = static_cast<std::uint32_t>(std::popcount(recent_));
  if (costly < limits_.costly_of_recent) return {};
  return std::to_string(costly) + " of the last " + std::to_string(kRecent) +
         " replays timed out, failed or had no end";
}

std::string Breaker::why_too_slow(const Replay& replay) {
  ++paired_;
  if (replay.live_seconds > 0 && replay.replay_seconds >= kSlowSeconds &&
      replay.replay_seconds >= kSlowRatio * replay.live_seconds) {
    ++slow_;
  }
  if (slow_ >= limits_.slow_of_paired) {
    return std::to_string(slow_) + " of " + std::to_string(paired_) +
           " replays took ten times as long as the client waited";
  }
  if (paired_ == kPaired) {
    // All is well for long enough.
    pause_ = kBreakerPauseFirst;
    paired_ = slow_ = 0;
  }
  return {};
}

void Breaker::open(std::uint64_t now_ns) {
  state_ = State::open;
  open_until_ns_ = now_ns + static_cast<std::uint64_t>(std::chrono::nanoseconds(pause_).count());
  pause_ = std::min(pause_ * 2, kBreakerPauseMax);
  forget();
}

void Breaker::forget() { recent_ = in_row_ = paired_ = slow_ = 0; }

}  // namespace parallax::shadow
