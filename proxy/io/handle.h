#pragma once

// Ownership of a libuv handle. libuv frees nothing and calls back until the close callback has run,
// so the handle lives in a heap block with a pointer back to its owner; closing clears that pointer
// and the close callback frees the block. A callback that finds no owner returns: nothing can reach
// a dead owner.

#include <uv.h>

namespace parallax::io {

template <typename UvHandle, typename Owner>
class HandleBlock {
 public:
  static HandleBlock* make(Owner* owner) { return new HandleBlock(owner); }
  // The owner behind a libuv callback, or null after close().
  template <typename Any>
  static Owner* owner_of(Any* handle) {
    return static_cast<HandleBlock*>(handle->data)->owner_;
  }

  UvHandle* get() { return &handle_; }
  uv_handle_t* base() { return reinterpret_cast<uv_handle_t*>(&handle_); }

  // For a handle whose init function failed: there is nothing to close.
  void discard() { delete this; }
  void close() {
    owner_ = nullptr;
    uv_close(base(), [](uv_handle_t* handle) { delete static_cast<HandleBlock*>(handle->data); });
  }

 private:
  explicit HandleBlock(Owner* owner) : owner_(owner) { handle_.data = this; }

  UvHandle handle_{};
  Owner* owner_;
};

}  // namespace parallax::io
