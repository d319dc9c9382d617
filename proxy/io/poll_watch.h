#pragma once

// Watches a file descriptor that somebody else owns (libpq's socket, a listening socket) for
// readiness.

#include <functional>

#include "proxy/io/handle.h"
#include "proxy/io/loop.h"

namespace parallax::io {

class PollWatch {
 public:
  struct Ready {
    bool readable = false;
    bool writable = false;
    bool failed = false;  // libuv reported an error and stopped watching
  };
  // At most one PollWatch for a descriptor at a time, and it must be gone before the descriptor is
  // closed: the kernel reuses numbers.
  PollWatch(Loop& loop, int fd, std::function<void(Ready)> callback);
  ~PollWatch();
  PollWatch(const PollWatch&) = delete;
  PollWatch& operator=(const PollWatch&) = delete;

  // What to wait for; both false pauses. The callback may destroy the watch.
  void want(bool readable, bool writable);

 private:
  HandleBlock<uv_poll_t, PollWatch>* block_ = nullptr;
  std::function<void(Ready)> callback_;
  int events_ = 0;
};

}  // namespace parallax::io
