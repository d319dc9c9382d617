#include "proxy/io/mailbox.h"

#include <cstdlib>

namespace parallax::io {

Wakeup::Wakeup(Loop& loop, std::function<void()> callback)
    : block_(HandleBlock<uv_async_t, Wakeup>::make(this)), callback_(std::move(callback)) {
  const int status = uv_async_init(loop.uv(), block_->get(), [](uv_async_t* handle) {
    auto* wakeup = HandleBlock<uv_async_t, Wakeup>::owner_of(handle);
    if (wakeup != nullptr) wakeup->callback_();
  });
  if (status != 0) std::abort();
}

Wakeup::~Wakeup() { block_->close(); }

void Wakeup::wake() noexcept {
  // libuv before 1.53 does not order coalesced wake-ups with the ring's stores.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  uv_async_send(block_->get());
}

}  // namespace parallax::io
