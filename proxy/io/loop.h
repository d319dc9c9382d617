#pragma once

// One event loop, one thread. Everything made on a loop lives and dies on it; post() is the only
// door from other threads.

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace parallax::io {

class Loop {
 public:
  Loop();
  ~Loop();  // every handle must have been closed; runs the loop until close callbacks are done
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs on the calling thread until stop().
  void run();
  // Thread-safe: run() returns after the current turn.
  void stop();
  // Thread-safe: runs `task` on the loop's thread, in order. For rare work (new sockets, mode
  // changes), not for traffic.
  void post(std::function<void()> task);
  // Drops what was posted and has not run: for an owner that goes before the loop.
  void forget_posted();
  // Destroys `object` when the running callback has returned: what a callback still uses is never
  // deleted under it.
  void defer_destroy(std::shared_ptr<void> object);

  uv_loop_t* uv() { return &loop_; }
  // Monotonic nanoseconds, read now (not the loop's cached time).
  static std::uint64_t now_ns() { return uv_hrtime(); }

  // The loop's one read buffer: reads are handled before the next one starts, so all streams share
  // it.
  static constexpr std::size_t kSlabBytes = std::size_t{64} * 1024;
  char* slab() { return slab_.get(); }

 private:
  void on_wake();

  uv_loop_t loop_{};
  uv_async_t wake_{};
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  bool stopping_ = false;
  std::vector<std::shared_ptr<void>> graveyard_;
  std::unique_ptr<char[]> slab_;
};

}  // namespace parallax::io
