#pragma once

// A listening TCP socket. Accepted sockets are handed on as descriptors, because they live on other
// loops.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "proxy/io/loop.h"
#include "proxy/io/poll_watch.h"
#include "proxy/io/timer.h"

namespace parallax::io {

class Listener {
 public:
  // Port 0 takes a free one. Throws std::runtime_error that names the address. `accepted` owns the
  // descriptor it gets.
  Listener(Loop& loop, const std::string& host, std::uint16_t port,
           std::function<void(int fd)> accepted);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // "127.0.0.1:6432", with the port that was bound.
  std::string address() const;

 private:
  void accept_some();
  // Out of descriptors: one connection is accepted with the reserve descriptor and closed, so that
  // the queue moves and the loop does not spin on a socket that stays readable; then accepting
  // rests for a moment.
  void out_of_descriptors();

  Loop& loop_;
  int fd_ = -1;
  int reserve_fd_ = -1;
  std::function<void(int)> accepted_;
  std::unique_ptr<PollWatch> watch_;
  Timer rest_;
};

}  // namespace parallax::io
