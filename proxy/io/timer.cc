#include "proxy/io/timer.h"

#include <cstdlib>
#include <utility>

namespace parallax::io {

Timer::Timer(Loop& loop) : block_(HandleBlock<uv_timer_t, Timer>::make(this)) {
  if (uv_timer_init(loop.uv(), block_->get()) != 0) std::abort();
}

Timer::~Timer() { block_->close(); }

void Timer::start(std::chrono::milliseconds delay, std::function<void()> callback) {
  begin(static_cast<std::uint64_t>(delay.count()), 0, std::move(callback));
}

void Timer::start_periodic(std::chrono::milliseconds period, std::function<void()> callback) {
  const auto ms = static_cast<std::uint64_t>(period.count());
  begin(ms, ms, std::move(callback));
}

void Timer::cancel() {
  uv_timer_stop(block_->get());
  active_ = false;
}

void Timer::begin(std::uint64_t delay_ms, std::uint64_t repeat_ms, std::function<void()> callback) {
  callback_ = std::move(callback);
  active_ = true;
  // The loop's cached time may be old after a long callback; a delay counts from now.
  uv_update_time(block_->get()->loop);
  uv_timer_start(
      block_->get(),
      [](uv_timer_t* handle) {
        auto* timer = HandleBlock<uv_timer_t, Timer>::owner_of(handle);
        if (timer == nullptr) return;
        const bool once = uv_timer_get_repeat(handle) == 0;
        if (once) timer->active_ = false;
        const auto running = timer->callback_;  // the callback may destroy or restart the timer
        running();
      },
      delay_ms, repeat_ms);
}

}  // namespace parallax::io
