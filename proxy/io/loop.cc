#include "proxy/io/loop.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace parallax::io {

Loop::Loop() : slab_(std::make_unique<char[]>(kSlabBytes)) {
  if (uv_loop_init(&loop_) != 0) std::abort();
  if (uv_async_init(&loop_, &wake_,
                    [](uv_async_t* handle) { static_cast<Loop*>(handle->data)->on_wake(); }) != 0) {
    std::abort();
  }
  wake_.data = this;
}

Loop::~Loop() {
  on_wake();
  uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
  // Twice: a stop() that nobody waited for makes the first run return at once.
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_run(&loop_, UV_RUN_DEFAULT);
  if (uv_loop_close(&loop_) != 0) {
    uv_print_all_handles(&loop_, stderr);
    std::fputs("parallax: a loop was destroyed while handles on it were open\n", stderr);
    std::abort();
  }
}

void Loop::run() { uv_run(&loop_, UV_RUN_DEFAULT); }

void Loop::stop() {
  {
    const std::lock_guard lock(posted_mutex_);
    stopping_ = true;
  }
  uv_async_send(&wake_);
}

void Loop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(task));
  }
  uv_async_send(&wake_);
}

void Loop::forget_posted() {
  std::vector<std::function<void()>> dropped;
  const std::lock_guard lock(posted_mutex_);
  dropped.swap(posted_);
}

void Loop::defer_destroy(std::shared_ptr<void> object) {
  graveyard_.push_back(std::move(object));
  uv_async_send(&wake_);
}

void Loop::on_wake() {
  // Destruction may defer more objects; they wait for the next wake-up, which they have asked for.
  std::exchange(graveyard_, {}).clear();

  std::vector<std::function<void()>> tasks;
  bool stop = false;
  {
    const std::lock_guard lock(posted_mutex_);
    tasks.swap(posted_);
    stop = std::exchange(stopping_, false);
  }
  for (auto& task : tasks) task();
  if (stop) uv_stop(&loop_);
}

}  // namespace parallax::io
