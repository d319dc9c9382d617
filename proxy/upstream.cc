#include "proxy/upstream.h"

#include <algorithm>
#include <utility>

#include "protocol/build.h"

namespace parallax::proxy {

TlsNegotiation::TlsNegotiation(std::unique_ptr<io::ByteStream> plain,
                               std::shared_ptr<const io::TlsContext> tls,
                               io::TlsStream::Later later, Done done)
    : plain_(std::move(plain)),
      tls_(std::move(tls)),
      later_(std::move(later)),
      done_(std::move(done)) {
  plain_->set_listener(this);
  plain_->write(protocol::build_ssl_request());
  plain_->resume_reading();
}

TlsNegotiation::~TlsNegotiation() {
  if (plain_) plain_->set_listener(nullptr);
}

// The answer is one byte, no message. What follows it in the same read cannot belong to TLS: the
// server speaks second there (CVE-2021-23222).
void TlsNegotiation::on_bytes(io::Bytes chunk) {
  switch (static_cast<char>(chunk.front())) {
    case 'S':
      if (chunk.size() == 1) return shake_hands();
      return finish(nullptr, "it sent unencrypted data behind its answer to SSLRequest");
    case 'N':
      return finish(nullptr, "it does not do TLS, and sslmode asks for it");
    case 'E':
      // Its text comes from somebody who has proven nothing (CVE-2024-10977).
      return finish(nullptr, "it answered SSLRequest with an error");
    default:
      return finish(nullptr, "its answer to SSLRequest is not PostgreSQL's");
  }
}

void TlsNegotiation::on_end() { finish(nullptr, "it closed the connection at SSLRequest"); }

void TlsNegotiation::on_broken(const std::string& what) { finish(nullptr, what); }

void TlsNegotiation::shake_hands() {
  plain_->pause_reading();
  secured_ =
      std::make_unique<io::TlsStream>(std::move(plain_), io::TlsEngine::client(tls_), later_);
  secured_->handshake({}, [this](const std::string& error) {
    if (error.empty()) {
      finish(std::move(secured_), {});
    } else {
      finish(nullptr, "TLS: " + error);
    }
  });
}

void TlsNegotiation::finish(std::unique_ptr<io::ByteStream> stream, const std::string& error) {
  if (const auto done = std::exchange(done_, nullptr)) done(std::move(stream), error);
}

UpstreamConnect::UpstreamConnect(io::Loop& loop, UpstreamTarget target,
                                 std::function<void(UpstreamConnection)> callback)
    : loop_(loop),
      target_(std::move(target)),
      callback_(std::move(callback)),
      timer_(loop),
      connector_(loop, target_.host, target_.port, target_.timeout,
                 [this](io::ConnectResult result) { connected(std::move(result)); }) {
  timer_.start(target_.timeout, [this] { finish({.error = "timed out"}); });
}

void UpstreamConnect::connected(io::ConnectResult result) {
  if (result.stream == nullptr) return finish({.error = result.error});
  const bool to_itself =
      target_.own != nullptr && std::ranges::any_of(*target_.own, [&](const auto& address) {
        return address.receives(result.peer, result.local, target_.port);
      });
  if (to_itself) return finish({.error = "its address is a listener of this proxy"});
  if (target_.tls == nullptr) {
    return finish({.stream = std::move(result.stream), .address = result.peer});
  }
  negotiation_ = std::make_unique<TlsNegotiation>(
      std::move(result.stream), target_.tls,
      // Not by way of this object: the stream outlives it.
      [&loop = loop_](std::function<void()> task) { loop.post(std::move(task)); },
      [this, peer = result.peer](std::unique_ptr<io::ByteStream> stream, const std::string& error) {
        finish({.stream = std::move(stream), .error = error, .tls = true, .address = peer});
      });
}

void UpstreamConnect::finish(UpstreamConnection connection) {
  timer_.cancel();
  if (const auto callback = std::exchange(callback_, nullptr)) callback(std::move(connection));
}

}  // namespace parallax::proxy
