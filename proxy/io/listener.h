#pragma once

// A listening socket, TCP or Unix. Accepted sockets are handed on as descriptors, because they live
// on other loops.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "proxy/io/loop.h"
#include "proxy/io/poll_watch.h"
#include "proxy/io/timer.h"

namespace parallax::io {

struct AcceptedSocket {
  int fd = -1;
  std::string peer;    // numeric address; empty for a Unix socket
  bool local = false;  // what is sent does not leave this machine: loopback or Unix socket
};

struct BoundAddress {
  std::string host;  // numeric, or the directory of a Unix socket
  std::uint16_t port = 0;
  // Would a connection with these numeric addresses at its ends have arrived here?
  bool receives(const std::string& peer, const std::string& local, std::uint16_t peer_port) const;
  // "127.0.0.1:6432", "[::1]:6432" or "/run/parallax:6432".
  std::string text() const;
};

class Listener {
 public:
  // `host`: a numeric address, `localhost` (127.0.0.1), or the directory of a Unix socket (leading
  // '/'), where the socket is
  // `.s.PGSQL.<port>` (a socket that nobody listens on is replaced, and the file is removed at the
  // end). Port 0 takes a free one. Throws std::runtime_error that names the address. `accepted`
  // owns the descriptor it gets.
  Listener(Loop& loop, const std::string& host, std::uint16_t port,
           std::function<void(AcceptedSocket)> accepted);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // With the port that was bound.
  const BoundAddress& address() const { return address_; }

 private:
  void accept_some();
  // Out of descriptors: one connection is accepted with the reserve descriptor and closed, so that
  // the queue moves and the loop does not spin on a socket that stays readable; then accepting
  // rests for a moment.
  void out_of_descriptors();

  void bind_to(std::uint16_t port);

  Loop& loop_;
  int fd_ = -1;
  int reserve_fd_ = -1;
  std::function<void(AcceptedSocket)> accepted_;
  BoundAddress address_;
  std::string socket_file_;  // of a Unix socket
  std::unique_ptr<PollWatch> watch_;
  Timer rest_;
};

}  // namespace parallax::io
