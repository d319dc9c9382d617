#pragma once

// How many replays may be under way at once; who comes later waits in turn. Shut, nobody gets in.

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>

namespace parallax::shadow {

class ReplayGate {
 public:
  explicit ReplayGate(std::size_t width) : width_(width) {}

  // `begin` runs when there is room, perhaps within this call. Then leave() must be called once.
  // Who may wait is bounded by the callers.
  void enter(std::function<void()> begin) {
    waiting_.push_back(std::move(begin));
    admit();
  }
  void leave() {
    --inside_;
    admit();
  }
  // Those inside stay.
  void set_width(std::size_t width) {
    width_ = width;
    admit();
  }
  void set_shut(bool shut) {
    shut_ = shut;
    admit();
  }
  // Forgets who waits, without calling them.
  void forget_waiting() { waiting_.clear(); }
  std::size_t inside() const { return inside_; }
  std::size_t width() const { return width_; }

 private:
  // One that begins may leave at once; this loop goes on, not a deeper one.
  void admit() {
    if (std::exchange(admitting_, true)) return;
    while (!shut_ && inside_ < width_ && !waiting_.empty()) {
      const auto begin = std::move(waiting_.front());
      waiting_.pop_front();
      ++inside_;
      begin();
    }
    admitting_ = false;
  }

  std::size_t width_;
  std::size_t inside_ = 0;
  bool shut_ = false;
  bool admitting_ = false;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace parallax::shadow
