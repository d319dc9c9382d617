#include "shadow/replay/closing_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace parallax::shadow {

ClosingSocket::ClosingSocket(io::Loop& loop, int descriptor, std::chrono::milliseconds limit,
                             std::function<void()> gone)
    : loop_(loop), descriptor_(descriptor), gone_(std::move(gone)), limit_(loop) {
  limit_.start(limit, [this] { end(); });
  if (descriptor_ < 0) return;
  watch_ = std::make_unique<io::PollWatch>(loop, descriptor_,
                                           [this](io::PollWatch::Ready) { on_ready(); });
  watch_->want(true, false);
}

ClosingSocket::~ClosingSocket() { close(); }

void ClosingSocket::on_ready() {
  const auto got = recv(descriptor_, loop_.slab(), io::Loop::kSlabBytes, MSG_DONTWAIT);
  if (got > 0) return;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  end();
}

void ClosingSocket::end() {
  limit_.cancel();
  close();
  std::exchange(gone_, nullptr)();
}

void ClosingSocket::close() {
  watch_.reset();
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

}  // namespace parallax::shadow
