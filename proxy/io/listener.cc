#include "proxy/io/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace parallax::io {

namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsPerTurn = 64;  // then other handles of the loop get their turn
constexpr std::chrono::milliseconds kRest{100};

int open_listening_socket(const std::string& host, std::uint16_t port) {
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (uv_ip4_addr(host.c_str(), port, reinterpret_cast<sockaddr_in*>(&storage)) == 0) {
    length = sizeof(sockaddr_in);
  } else if (uv_ip6_addr(host.c_str(), port, reinterpret_cast<sockaddr_in6*>(&storage)) == 0) {
    length = sizeof(sockaddr_in6);
  } else {
    throw std::runtime_error("cannot listen on " + host + ": write a numeric address");
  }
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) != 0 ||
      ::listen(fd, kBacklog) != 0) {
    const std::string reason = std::system_category().message(errno);
    if (fd >= 0) ::close(fd);
    throw std::runtime_error("cannot listen on " + host + ":" + std::to_string(port) + ": " +
                             reason);
  }
  return fd;
}

}  // namespace

Listener::Listener(Loop& loop, const std::string& host, std::uint16_t port,
                   std::function<void(int)> accepted)
    : loop_(loop),
      fd_(open_listening_socket(host, port)),
      reserve_fd_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      accepted_(std::move(accepted)),
      rest_(loop) {
  watch_ = std::make_unique<PollWatch>(loop_, fd_, [this](PollWatch::Ready) { accept_some(); });
  watch_->want(true, false);
}

Listener::~Listener() {
  watch_.reset();
  ::close(fd_);
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
}

void Listener::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepted_(fd);
    } else if (errno == EMFILE || errno == ENFILE) {
      out_of_descriptors();
      return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
}

void Listener::out_of_descriptors() {
  if (reserve_fd_ >= 0) {
    ::close(std::exchange(reserve_fd_, -1));
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) ::close(fd);
    reserve_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  watch_->want(false, false);
  rest_.start(kRest, [this] { watch_->want(true, false); });
}

std::string Listener::address() const {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &length);
  char text[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET6) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(storage);
    uv_ip6_name(&in6, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(in6.sin6_port));
  }
  const auto& in4 = reinterpret_cast<const sockaddr_in&>(storage);
  uv_ip4_name(&in4, text, sizeof text);
  return std::string(text) + ":" + std::to_string(ntohs(in4.sin_port));
}

}  // namespace parallax::io
