#pragma once

// One-shot or periodic timer; the destructor cancels it.

#include <chrono>
#include <functional>

#include "proxy/io/handle.h"
#include "proxy/io/loop.h"

namespace parallax::io {

class Timer {
 public:
  explicit Timer(Loop& loop);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Replaces a pending one. The callback may destroy the timer.
  void start(std::chrono::milliseconds delay, std::function<void()> callback);
  void start_periodic(std::chrono::milliseconds period, std::function<void()> callback);
  void cancel();
  bool active() const { return active_; }

 private:
  void begin(std::uint64_t delay_ms, std::uint64_t repeat_ms, std::function<void()> callback);

  HandleBlock<uv_timer_t, Timer>* block_;
  std::function<void()> callback_;
  bool active_ = false;
};

}  // namespace parallax::io
