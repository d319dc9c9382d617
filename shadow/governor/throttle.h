#pragma once

// One thing that is taken back at once and given back step by step: a share of its full amount.

#include <algorithm>
#include <cstdint>

namespace parallax::shadow {

class Throttle {
 public:
  // In intervals: how long it must have been calm before the next step up, at first and at most.
  static constexpr std::uint64_t kCalmFirst = 4;
  static constexpr std::uint64_t kCalmMax = 64;

  // `least`: the share that always stays.
  explicit Throttle(double least) : least_(least) {}

  double share() const { return share_; }
  bool whole() const { return share_ >= 1.0; }
  bool least() const { return share_ <= least_; }

  // To a half. False: there is nothing left to take. `interval`: a count that only grows.
  bool lower(std::uint64_t interval) {
    if (least()) {
      changed_ = interval;
      return false;
    }
    // The step up was one too many: the next one waits longer.
    if (raised_) calm_ = std::min(calm_ * 2, kCalmMax);
    raised_ = false;
    changed_ = interval;
    share_ = std::max(share_ / 2, least_);
    return true;
  }
  // Where it is not calm enough for a step up, and asks for none down.
  void hold(std::uint64_t interval) { changed_ = interval; }
  // In a calm interval. True: a step up was made.
  bool raise(std::uint64_t interval) {
    if (interval < changed_ + calm_) return false;
    // The step before this one has been borne.
    if (raised_) calm_ = std::max(calm_ / 2, kCalmFirst);
    if (whole()) {
      raised_ = false;
      changed_ = interval;
      return false;
    }
    raised_ = true;
    changed_ = interval;
    share_ = std::min(share_ * 2, 1.0);
    return true;
  }

 private:
  double least_;
  double share_ = 1.0;
  bool raised_ = false;  // the last step was one up
  std::uint64_t calm_ = kCalmFirst;
  std::uint64_t changed_ = 0;
};

}  // namespace parallax::shadow
