#include "proxy/io/poll_watch.h"

#include <utility>

namespace parallax::io {

PollWatch::PollWatch(Loop& loop, int fd, std::function<void(Ready)> callback)
    : callback_(std::move(callback)) {
  auto* block = HandleBlock<uv_poll_t, PollWatch>::make(this);
  if (uv_poll_init(loop.uv(), block->get(), fd) != 0) {
    block->discard();
    return;
  }
  block_ = block;
}

PollWatch::~PollWatch() {
  if (block_ == nullptr) return;
  uv_poll_stop(block_->get());
  block_->close();
}

void PollWatch::want(bool readable, bool writable) {
  if (block_ == nullptr) return;
  const int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
  if (events == events_) return;
  events_ = events;
  if (events == 0) {
    uv_poll_stop(block_->get());
    return;
  }
  uv_poll_start(block_->get(), events, [](uv_poll_t* handle, int status, int ready) {
    auto* watch = HandleBlock<uv_poll_t, PollWatch>::owner_of(handle);
    if (watch == nullptr) return;
    const auto running = watch->callback_;  // the callback may destroy the watch
    if (status < 0) {
      watch->events_ = 0;  // libuv has stopped the handle
      running({.failed = true});
      return;
    }
    running({.readable = (ready & UV_READABLE) != 0, .writable = (ready & UV_WRITABLE) != 0});
  });
}

}  // namespace parallax::io
