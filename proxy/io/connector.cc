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

// RFC 8305, section 5: "Connection Attempt Delay".
constexpr std::chrono::milliseconds kAttemptDelay{250};

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

std::string local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  char text[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET) {
    uv_ip4_name(reinterpret_cast<const sockaddr_in*>(&storage), text, sizeof text);
  } else if (storage.ss_family == AF_INET6) {
    uv_ip6_name(reinterpret_cast<const sockaddr_in6*>(&storage), text, sizeof text);
  }
  return text;
}

}  // namespace

Connector::Connector(Loop& loop, const std::string& host, std::uint16_t port,
                     std::chrono::milliseconds timeout, std::function<void(ConnectResult)> callback)
    : loop_(loop),
      port_(port),
      callback_(std::move(callback)),
      last_error_("timed out"),
      timer_(loop),
      stagger_(loop) {
  timer_.start(timeout, [this] { finish({.stream = nullptr, .error = last_error_}); });
  resolve_ = ResolveRequest::start(loop, host, [this](const Resolved& resolved) {
    if (!resolved.error.empty()) {
      finish({.stream = nullptr, .error = resolved.error});
      return;
    }
    addresses_ = resolved.addresses;
    try_next();
  });
}

Connector::Connector(Loop& loop, std::vector<std::string> addresses, std::uint16_t port,
                     std::chrono::milliseconds timeout, std::function<void(ConnectResult)> callback)
    : loop_(loop),
      port_(port),
      callback_(std::move(callback)),
      addresses_(std::move(addresses)),
      last_error_("timed out"),
      timer_(loop),
      stagger_(loop) {
  timer_.start(timeout, [this] { finish({.stream = nullptr, .error = last_error_}); });
  stagger_.start(std::chrono::milliseconds(0), [this] { try_next(); });
}

Connector::~Connector() { give_up_attempts(); }

void Connector::give_up_attempts() {
  for (const auto& attempt : attempts_) {
    attempt->watch.reset();
    ::close(attempt->fd);
  }
  attempts_.clear();
}

void Connector::try_next() {
  while (next_address_ < addresses_.size()) {
    if (!begin(addresses_[next_address_++])) continue;
    if (next_address_ < addresses_.size()) stagger_.start(kAttemptDelay, [this] { try_next(); });
    return;
  }
  if (attempts_.empty()) finish({.stream = nullptr, .error = last_error_});
}

// False when the address has failed at once.
bool Connector::begin(const std::string& address) {
  const auto target = socket_address(address, port_);
  if (target.length == 0) {
    last_error_ = "not an address";
    return false;
  }
  const int fd = ::socket(target.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    last_error_ = std::system_category().message(errno);
    return false;
  }
  const int status =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&target.storage), target.length);
  if (status != 0 && errno != EINPROGRESS) {
    last_error_ = std::system_category().message(errno);
    ::close(fd);
    return false;
  }
  auto& attempt = *attempts_.emplace_back(std::make_unique<Attempt>());
  attempt.address = address;
  attempt.fd = fd;
  // A connection that stands at once is reported through the same callback, a turn later.
  attempt.watch = std::make_unique<PollWatch>(
      loop_, fd, [this, &attempt](PollWatch::Ready) { attempt_ended(attempt); });
  attempt.watch->want(false, true);
  return true;
}

void Connector::attempt_ended(Attempt& attempt) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(attempt.fd, SOL_SOCKET, SO_ERROR, &error, &length);
  attempt.watch.reset();
  const int fd = attempt.fd;
  const std::string address = attempt.address;
  std::erase_if(attempts_, [&](const auto& one) { return one.get() == &attempt; });
  if (error == 0) {
    succeed(fd, address);
    return;
  }
  ::close(fd);
  last_error_ = std::system_category().message(error);
  stagger_.cancel();
  try_next();
}

void Connector::succeed(int fd, const std::string& address) {
  const auto local = local_address(fd);
  finish({.stream = std::make_unique<TcpStream>(loop_, fd),
          .error = {},
          .peer = address,
          .local = local});
}

void Connector::finish(ConnectResult result) {
  timer_.cancel();
  stagger_.cancel();
  resolve_.reset();
  give_up_attempts();  // the connector may be kept as long as the connection
  const auto running = std::exchange(callback_, {});
  if (running) running(std::move(result));
}

}  // namespace parallax::io
