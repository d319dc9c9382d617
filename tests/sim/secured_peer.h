#pragma once

// The far end of a simulated stream that does TLS: plaintext for the test, ciphertext under the
// world's chunks, delays and resets.

#include <functional>
#include <string>
#include <string_view>

#include "sim_world.h"
#include "tests/support/tls_peer.h"
#include "tests/support/wire.h"

namespace parallax::test {

class SecuredPeer {
 public:
  // A client asks by SSLRequest and waits for the answer; a server answers the request.
  SecuredPeer(SimPeer& peer, TlsPeer::Role role, const CertificateFiles* files)
      : peer_(peer), tls_(role, files), client_(role == TlsPeer::Role::client) {
    peer_.on_received = [this] { look(); };
  }
  // A client begins when the session stands.
  void begin() { peer_.send(fe::ssl_request()); }

  void send(std::string_view plaintext) {
    outgoing_ += plaintext;
    flush();
  }
  void send_end() {
    if (!tls_.established()) return;
    SSL_shutdown(tls_.ssl());
    flush();
    peer_.send_end();
  }

  std::string received;
  bool saw_end = false;
  std::string answer;  // to SSLRequest
  std::function<void()> on_received;

 private:
  void look() {
    std::string_view fresh = std::string_view(peer_.received).substr(seen_);
    if (!negotiated_) {
      const std::size_t needed = client_ ? 1 : 8;
      if (fresh.size() < needed) return;
      answer = client_ ? std::string(fresh.substr(0, 1)) : "S";
      if (answer != "S") return;
      if (!client_) peer_.send("S");
      fresh.remove_prefix(needed);
      seen_ += needed;
      negotiated_ = true;
    }
    seen_ += fresh.size();
    tls_.feed(fresh);
    received += std::exchange(tls_.received, {});
    saw_end = saw_end || tls_.ended || peer_.saw_end;
    flush();
    if (on_received) on_received();
  }
  void flush() {
    if (tls_.established() && !outgoing_.empty()) {
      for (std::size_t at = 0; at < outgoing_.size(); at += 16'384) {
        tls_.write(std::string_view(outgoing_).substr(at, 16'384));
      }
      outgoing_.clear();
    }
    if (const auto bytes = tls_.take(); !bytes.empty()) peer_.send(bytes);
  }

  SimPeer& peer_;
  TlsPeer tls_;
  const bool client_;
  bool negotiated_ = false;
  std::size_t seen_ = 0;
  std::string outgoing_;  // until the handshake is done
};

}  // namespace parallax::test
