#pragma once

// A connection to the upstream: TCP or Unix socket, then TLS where it is asked for.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/config.h"
#include "proxy/io/connector.h"
#include "proxy/io/listener.h"
#include "proxy/io/tls_stream.h"
#include "proxy/session_host.h"

namespace parallax::proxy {

// Asks for TLS on a fresh connection by SSLRequest and shakes hands. There is no way back to plain
// bytes: a server that refuses is an error.
class TlsNegotiation final : private io::StreamListener {
 public:
  using Done = std::function<void(std::unique_ptr<io::ByteStream>, const std::string& error)>;
  // `done` comes once, later, and may destroy the negotiation.
  TlsNegotiation(std::unique_ptr<io::ByteStream> plain, std::shared_ptr<const io::TlsContext> tls,
                 io::TlsStream::Later later, Done done);
  ~TlsNegotiation() override;

 private:
  void on_bytes(io::Bytes chunk) override;
  void on_end() override;
  void on_broken(const std::string& what) override;
  void on_drained() override {}
  void shake_hands();
  void finish(std::unique_ptr<io::ByteStream> stream, const std::string& error);

  std::unique_ptr<io::ByteStream> plain_;
  std::unique_ptr<io::TlsStream> secured_;
  std::shared_ptr<const io::TlsContext> tls_;
  io::TlsStream::Later later_;
  Done done_;
};

struct UpstreamTarget {
  std::string host;  // or, for a cancel, the numeric address that its session is connected to
  std::uint16_t port = 0;
  std::shared_ptr<const io::TlsContext> tls;           // null: plain
  std::chrono::milliseconds timeout{};                 // for all of it
  const std::vector<io::BoundAddress>* own = nullptr;  // the listeners: not to be connected to
};

class UpstreamConnect final : public Pending {
 public:
  UpstreamConnect(io::Loop& loop, UpstreamTarget target,
                  std::function<void(UpstreamConnection)> callback);

 private:
  void connected(io::ConnectResult result);
  void finish(UpstreamConnection connection);

  io::Loop& loop_;
  const UpstreamTarget target_;
  std::function<void(UpstreamConnection)> callback_;
  io::Timer timer_;
  std::unique_ptr<TlsNegotiation> negotiation_;
  io::Connector connector_;
};

}  // namespace parallax::proxy
