#include "proxy/io/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

[[noreturn]] void refuse(const std::string& address, const std::string& reason) {
  throw std::runtime_error("cannot listen on " + address + ": " + reason);
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) refuse(path, "the path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

// A socket file stays behind when a program is killed. It is in the way only if nobody answers.
void remove_stale_socket(const std::string& path, const sockaddr_un& address) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int status = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = status == 0 ? 0 : errno;
  ::close(fd);
  if (error == 0) refuse(path, "another program listens there");
  if (error == ECONNREFUSED) ::unlink(path.c_str());
}

std::string name_of(const sockaddr_storage& storage, std::uint16_t& port) {
  char text[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET) {
    const auto& in4 = reinterpret_cast<const sockaddr_in&>(storage);
    uv_ip4_name(&in4, text, sizeof text);
    port = ntohs(in4.sin_port);
  } else if (storage.ss_family == AF_INET6) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(storage);
    uv_ip6_name(&in6, text, sizeof text);
    port = ntohs(in6.sin6_port);
  }
  return text;
}

bool is_loopback_address(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

}  // namespace

Listener::Listener(Loop& loop, const std::string& host, std::uint16_t port,
                   std::function<void(AcceptedSocket)> accepted)
    : loop_(loop),
      accepted_(std::move(accepted)),
      address_{host == "localhost" ? "127.0.0.1" : host, port},
      rest_(loop) {
  bind_to(port);
  reserve_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  watch_ = std::make_unique<PollWatch>(loop_, fd_, [this](PollWatch::Ready) { accept_some(); });
  watch_->want(true, false);
}

void Listener::bind_to(std::uint16_t port) {
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (address_.host.starts_with('/')) {
    socket_file_ = address_.host + "/.s.PGSQL." + std::to_string(port);
    const auto address = unix_address(socket_file_);
    remove_stale_socket(socket_file_, address);
    std::memcpy(&storage, &address, sizeof address);
    length = sizeof address;
  } else if (uv_ip4_addr(address_.host.c_str(), port, reinterpret_cast<sockaddr_in*>(&storage)) ==
             0) {
    length = sizeof(sockaddr_in);
  } else if (uv_ip6_addr(address_.host.c_str(), port, reinterpret_cast<sockaddr_in6*>(&storage)) ==
             0) {
    length = sizeof(sockaddr_in6);
  } else {
    refuse(address_.host, "write a numeric address");
  }
  fd_ = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd_ >= 0) setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (fd_ < 0 || ::bind(fd_, reinterpret_cast<const sockaddr*>(&storage), length) != 0 ||
      ::listen(fd_, kBacklog) != 0) {
    const std::string reason = std::system_category().message(errno);
    if (fd_ >= 0) ::close(fd_);
    refuse(address_.text(), reason);
  }
  if (!socket_file_.empty()) {
    ::chmod(socket_file_.c_str(), 0777);  // as PostgreSQL: who may log in is the server's decision
    return;
  }
  length = sizeof storage;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &length);
  address_.host = name_of(storage, address_.port);
}

Listener::~Listener() {
  watch_.reset();
  ::close(fd_);
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
  if (!socket_file_.empty()) ::unlink(socket_file_.c_str());
}

void Listener::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&storage), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      std::uint16_t port = 0;
      auto peer = name_of(storage, port);
      const bool local = peer.empty() || is_loopback_address(peer);
      accepted_({.fd = fd, .peer = std::move(peer), .local = local});
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

std::string BoundAddress::text() const {
  const bool v6 = !host.starts_with('/') && host.find(':') != std::string::npos;
  return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

bool BoundAddress::receives(const std::string& peer, const std::string& local,
                            std::uint16_t peer_port) const {
  if (peer_port != port) return false;
  if (peer == host) return true;
  // Whoever connects to an address of the own machine does so from that address, too.
  const bool any = host == "0.0.0.0" || host == "::";
  return any && (peer == local || is_loopback_address(peer));
}

}  // namespace parallax::io
