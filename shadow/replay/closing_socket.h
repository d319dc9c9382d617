#pragma once

// A connection that this side has given up and the server has not yet: until it has, it is one of
// the server's connections.

#include <chrono>
#include <functional>
#include <memory>

#include "proxy/io/loop.h"
#include "proxy/io/poll_watch.h"
#include "proxy/io/timer.h"

namespace parallax::shadow {

class ClosingSocket {
 public:
  // Takes the descriptor: what still comes is thrown away up to the end, which the server gives
  // when it has let go. -1: nothing can be seen, only the time limit ends it. `gone` is called
  // once, from the loop; it must destroy this object no sooner than at the end of the turn.
  ClosingSocket(io::Loop& loop, int descriptor, std::chrono::milliseconds limit,
                std::function<void()> gone);
  ~ClosingSocket();
  ClosingSocket(const ClosingSocket&) = delete;
  ClosingSocket& operator=(const ClosingSocket&) = delete;

 private:
  void on_ready();
  void end();
  void close();

  io::Loop& loop_;
  int descriptor_;
  std::function<void()> gone_;
  io::Timer limit_;
  std::unique_ptr<io::PollWatch> watch_;
};

}  // namespace parallax::shadow
