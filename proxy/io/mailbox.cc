#include "proxy/io/mailbox.h"

#include <cstdlib>

namespace parallax::io {

Wakeup::Wakeup(Loop& loop, std::function<void()> callback)
    : block_(HandleBlock<uv_async_t, Wakeup>::make(this)), callback_(std::move(callback)) {
  const int status = uv_async_init(loop.uv(), block_->get(), [](uv_async_t* handle) {
    auto* wakeup = HandleBlock<uv_async_t, Wakeup>::owner_of(handle);
    if (wakeup == nullptr) return;
    wakeup->signalled_.exchange(false, std::memory_order_acq_rel);
    wakeup->callback_();
  });
  if (status != 0) std::abort();
}

Wakeup::~Wakeup() { block_->close(); }

void Wakeup::wake() noexcept {
  if (!signalled_.exchange(true, std::memory_order_acq_rel)) uv_async_send(block_->get());
}

}  // namespace parallax::io
