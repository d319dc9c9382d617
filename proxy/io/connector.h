#pragma once

// Opens a connection: resolves the name, tries the addresses in turn, within one time limit.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/io/byte_stream.h"
#include "proxy/io/loop.h"
#include "proxy/io/poll_watch.h"
#include "proxy/io/resolver.h"
#include "proxy/io/timer.h"

namespace parallax::io {

struct ConnectResult {
  std::unique_ptr<ByteStream> stream;  // null on failure
  std::string error;
};

// One attempt. Destroying it gives up; the callback then never comes.
class Connector {
 public:
  // `host`: a name, a numeric address, or the directory of a Unix socket (`/run/postgresql`), where
  // the socket is
  // `.s.PGSQL.<port>`. The callback comes exactly once, from the loop, and may destroy the
  // connector.
  Connector(Loop& loop, const std::string& host, std::uint16_t port,
            std::chrono::milliseconds timeout, std::function<void(ConnectResult)> callback);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

 private:
  void try_next();
  void connected_or_not();
  void finish(ConnectResult result);

  Loop& loop_;
  std::uint16_t port_;
  std::function<void(ConnectResult)> callback_;
  std::unique_ptr<ResolveRequest> resolve_;
  std::vector<std::string> addresses_;
  std::size_t next_address_ = 0;
  std::string last_error_;
  int fd_ = -1;
  std::unique_ptr<PollWatch> watch_;
  Timer timer_;
};

}  // namespace parallax::io
