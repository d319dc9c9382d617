#pragma once

// Opens a connection: resolves the name, tries the addresses, within one time limit.

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
  std::string error = {};
  // Numeric, of both ends; on success. A Unix socket has its directory as peer, and no local one.
  std::string peer = {};
  std::string local = {};
};

// One connection. Destroying it gives up; the callback then never comes.
class Connector {
 public:
  // `host`: a name, a numeric address, or the directory of a Unix socket (`/run/postgresql`), where
  // the socket is `.s.PGSQL.<port>`. Of several addresses the next one is tried when one fails, and
  // also, beside it, when one has not answered for a moment (RFC 8305): an IPv6 address that
  // swallows everything costs that moment and not the whole time limit. The callback comes exactly
  // once, from the loop, and may destroy the connector.
  Connector(Loop& loop, const std::string& host, std::uint16_t port,
            std::chrono::milliseconds timeout, std::function<void(ConnectResult)> callback);
  // The same for addresses that are resolved already.
  Connector(Loop& loop, std::vector<std::string> addresses, std::uint16_t port,
            std::chrono::milliseconds timeout, std::function<void(ConnectResult)> callback);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

 private:
  struct Attempt {
    std::string address;
    int fd = -1;
    std::unique_ptr<PollWatch> watch;
  };

  void try_next();
  bool begin(const std::string& address);
  void attempt_ended(Attempt& attempt);
  void succeed(int fd, const std::string& address);
  void give_up_attempts();
  void finish(ConnectResult result);

  Loop& loop_;
  std::uint16_t port_;
  std::function<void(ConnectResult)> callback_;
  std::unique_ptr<ResolveRequest> resolve_;
  std::vector<std::string> addresses_;
  std::size_t next_address_ = 0;
  std::string last_error_;
  std::vector<std::unique_ptr<Attempt>> attempts_;
  Timer timer_;
  Timer stagger_;
};

}  // namespace parallax::io
