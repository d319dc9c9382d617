#include "proxy/io/tcp_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

namespace parallax::io {

namespace {

// A peer that vanished is noticed after 60 + 6 * 10 seconds.
constexpr int kKeepaliveIdleS = 60;
constexpr int kKeepaliveIntervalS = 10;
constexpr int kKeepaliveCount = 6;

void set_socket_options(int fd) {
  const int on = 1;
  // Both fail on Unix sockets, which need neither.
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepaliveIdleS, sizeof kKeepaliveIdleS);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepaliveIntervalS, sizeof kKeepaliveIntervalS);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kKeepaliveCount, sizeof kKeepaliveCount);
}

}  // namespace

// Owns the bytes that the transport did not take at once.
struct TcpStream::WriteRequest {
  uv_write_t request{};
  std::vector<std::byte> bytes;
  // A peer that sends single bytes and reads nothing is held by what it costs.
  std::size_t cost() const { return sizeof(WriteRequest) + bytes.size(); }
};

TcpStream::TcpStream(Loop& loop, int fd) : loop_(loop), block_(Block::make(this)) {
  uv_tcp_init(loop.uv(), block_->get());
  set_socket_options(fd);
  const int status = uv_tcp_open(block_->get(), fd);
  if (status == 0) return;
  ::close(fd);
  broken_ = true;
  alive_ = std::make_shared<bool>(true);
  loop_.post([this, alive = std::weak_ptr<bool>(alive_), status] {
    if (!alive.expired() && listener_ != nullptr) listener_->on_broken(uv_strerror(status));
  });
}

TcpStream::~TcpStream() { block_->close(); }

void TcpStream::write(Bytes chunk) {
  if (broken_ || write_failed_ || finished_ || chunk.empty()) return;
  std::size_t taken = 0;
  if (queued_bytes_ == 0) {
    // uv_buf_t is not const, but writes do not change it.
    auto buffer = uv_buf_init(const_cast<char*>(reinterpret_cast<const char*>(chunk.data())),
                              static_cast<unsigned>(chunk.size()));
    const int result = uv_try_write(stream(), &buffer, 1);
    if (result > 0) taken = static_cast<std::size_t>(result);
    // Errors other than "try later" come again with the queued write, where they can be told to the
    // listener.
  }
  if (taken == chunk.size()) return;

  auto* pending = new WriteRequest;
  pending->bytes.assign(chunk.begin() + static_cast<std::ptrdiff_t>(taken), chunk.end());
  pending->request.data = pending;
  auto buffer = uv_buf_init(reinterpret_cast<char*>(pending->bytes.data()),
                            static_cast<unsigned>(pending->bytes.size()));
  queued_bytes_ += pending->cost();
  above_low_water_ = above_low_water_ || queued_bytes_ > kLowWaterBytes;
  uv_write(&pending->request, stream(), &buffer, 1, [](uv_write_t* request, int status) {
    auto* done = static_cast<WriteRequest*>(request->data);
    const auto cost = done->cost();
    auto* owner = Block::owner_of(request->handle);
    delete done;
    if (owner != nullptr) owner->write_done(cost, status);
  });
}

std::size_t TcpStream::unsent_bytes() const { return uv_stream_get_write_queue_size(stream()); }

void TcpStream::write_done(std::size_t cost, int status) {
  queued_bytes_ -= cost;
  // The peer takes no more. What it had sent before may still wait to be read (a server's last
  // words), so reading goes on and tells how the connection ends; what is written meanwhile has
  // nowhere to go.
  if (status != 0) write_failed_ = true;
  if (above_low_water_ && queued_bytes_ <= kLowWaterBytes) {
    above_low_water_ = false;
    if (listener_ != nullptr) listener_->on_drained();
  }
}

void TcpStream::resume_reading() {
  if (broken_ || reading_ || ended_) return;
  reading_ = true;
  uv_read_start(
      stream(),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        auto* owner = Block::owner_of(handle);
        *buffer = owner == nullptr ? uv_buf_init(nullptr, 0)
                                   : uv_buf_init(owner->loop_.slab(), Loop::kSlabBytes);
      },
      [](uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) {
        auto* owner = Block::owner_of(handle);
        if (owner != nullptr) owner->read_done(count, buffer);
      });
}

void TcpStream::pause_reading() {
  if (!reading_) return;
  reading_ = false;
  uv_read_stop(stream());
}

void TcpStream::read_done(ssize_t count, const uv_buf_t* buffer) {
  if (count == 0) return;  // nothing to read now
  if (count > 0) {
    if (listener_ != nullptr) {
      listener_->on_bytes(
          {reinterpret_cast<const std::byte*>(buffer->base), static_cast<std::size_t>(count)});
    }
    return;
  }
  pause_reading();
  if (count == UV_EOF) {
    ended_ = true;
    if (listener_ != nullptr) listener_->on_end();
    return;
  }
  broken(static_cast<int>(count));
}

void TcpStream::broken(int status) {
  if (std::exchange(broken_, true)) return;
  pause_reading();
  if (listener_ != nullptr) listener_->on_broken(uv_strerror(status));
}

void TcpStream::finish_writing() {
  if (broken_ || std::exchange(finished_, true)) return;
  auto* request = new uv_shutdown_t;
  // Sent after all queued writes. Fails only when the connection is gone, which reading notices.
  if (uv_shutdown(request, stream(), [](uv_shutdown_t* done, int) { delete done; }) != 0)
    delete request;
}

}  // namespace parallax::io
