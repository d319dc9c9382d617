#include "proxy/io/connector.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "proxy/io/tcp_stream.h"

namespace parallax::io {

namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

SocketAddress socket_address(const std::string& address, std::uint16_t port) {
  SocketAddress result;
  if (address.starts_with('/')) {
    auto& un = reinterpret_cast<sockaddr_un&>(result.storage);
    const auto path = address + "/.s.PGSQL." + std::to_string(port);
    if (path.size() >= sizeof un.sun_path) return result;
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, path.c_str(), path.size() + 1);
    result.length = sizeof un;
    return result;
  }
  auto& in4 = reinterpret_cast<sockaddr_in&>(result.storage);
  if (uv_ip4_addr(address.c_str(), port, &in4) == 0) {
    result.length = sizeof in4;
    return result;
  }
  auto& in6 = reinterpret_cast<sockaddr_in6&>(result.storage);
  if (uv_ip6_addr(address.c_str(), port, &in6) == 0) result.length = sizeof in6;
  return result;
}

}  // namespace

Connector::Connector(Loop& loop, const std::string& host, std::uint16_t port,
                     std::chrono::milliseconds timeout, std::function<void(ConnectResult)> callback)
    : loop_(loop), port_(port), callback_(std::move(callback)), timer_(loop) {
  timer_.start(timeout, [this] { finish({.stream = nullptr, .error = "timed out"}); });
  resolve_ = ResolveRequest::start(loop, host, [this](const Resolved& resolved) {
    if (!resolved.error.empty()) {
      finish({.stream = nullptr, .error = resolved.error});
      return;
    }
    addresses_ = resolved.addresses;
    try_next();
  });
}

Connector::~Connector() {
  watch_.reset();
  if (fd_ >= 0) ::close(fd_);
}

void Connector::try_next() {
  while (next_address_ < addresses_.size()) {
    const auto address = socket_address(addresses_[next_address_++], port_);
    if (address.length == 0) {
      last_error_ = "not an address";
      continue;
    }
    fd_ = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) {
      last_error_ = std::system_category().message(errno);
      continue;
    }
    const int status =
        ::connect(fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.length);
    if (status == 0 || errno == EINPROGRESS) {
      // A connection that stands at once is reported through the same callback, a turn later.
      watch_ =
          std::make_unique<PollWatch>(loop_, fd_, [this](PollWatch::Ready) { connected_or_not(); });
      watch_->want(false, true);
      return;
    }
    last_error_ = std::system_category().message(errno);
    ::close(std::exchange(fd_, -1));
  }
  finish({.stream = nullptr, .error = last_error_});
}

void Connector::connected_or_not() {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
  watch_.reset();
  const int fd = std::exchange(fd_, -1);
  if (error == 0) {
    finish({.stream = std::make_unique<TcpStream>(loop_, fd), .error = {}});
    return;
  }
  ::close(fd);
  last_error_ = std::system_category().message(error);
  try_next();
}

void Connector::finish(ConnectResult result) {
  timer_.cancel();
  resolve_.reset();
  const auto running = std::exchange(callback_, {});
  if (running) running(std::move(result));
}

}  // namespace parallax::io
