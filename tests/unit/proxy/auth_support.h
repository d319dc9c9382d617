#pragma once

// A login between two scripted sides, for tests of AuthRelay.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/auth_relay.h"
#include "tests/support/wire.h"

namespace parallax::proxy {

// The relay and all that came out of it; each side's bytes in the pieces that the test cuts.
class LoginRig : private AuthSink {
 public:
  explicit LoginRig(AuthLegs legs = {}) : relay(static_cast<AuthSink&>(*this), legs) {}

  // In pieces of `piece` bytes. What comes when it is over is forwarded as it is, as a session
  // does.
  void server(std::string_view data, std::size_t piece = std::string_view::npos) {
    each(data, piece, [this](std::string_view part) {
      if (refused()) return;
      if (!relay.over()) return relay.server_bytes(test::bytes(part));
      to_client += part;
    });
  }
  void client(std::string_view data, std::size_t piece = std::string_view::npos) {
    each(data, piece, [this](std::string_view part) {
      if (!refused() && !relay.over()) relay.client_bytes(test::bytes(part));
    });
  }
  bool refused() const { return !refusal.empty(); }

  std::string to_client;
  std::vector<std::string> to_server;  // writes
  std::vector<std::string> errors;     // SQLSTATEs of the server's
  std::string refusal;                 // "SQLSTATE message", and "\nhint" where there is one
  AuthRelay relay;

 private:
  template <typename Feed>
  static void each(std::string_view data, std::size_t piece, Feed feed) {
    while (!data.empty()) {
      const std::string_view part = data.substr(0, std::max<std::size_t>(piece, 1));
      feed(part);
      data.remove_prefix(part.size());
    }
  }
  void auth_to_client(protocol::Bytes bytes) override { to_client += protocol::as_text(bytes); }
  void auth_to_server(protocol::Bytes message) override {
    to_server.emplace_back(protocol::as_text(message));
  }
  void auth_error(std::string_view sqlstate) override { errors.emplace_back(sqlstate); }
  void auth_refused(std::string_view sqlstate, const std::string& message,
                    std::string_view hint) override {
    refusal = std::string(sqlstate) + ' ' + message;
    if (!hint.empty()) refusal += '\n' + std::string(hint);
  }
};

inline constexpr const char* kPlus = "SCRAM-SHA-256-PLUS";
inline constexpr const char* kPlain = "SCRAM-SHA-256";

// SASLInitialResponse.
inline std::string sasl_first(std::string_view mechanism, std::string_view data) {
  return test::message('p', test::z(mechanism) + test::i32(static_cast<std::int32_t>(data.size())) +
                                std::string(data));
}

}  // namespace parallax::proxy
