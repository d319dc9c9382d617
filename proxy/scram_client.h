#pragma once

// The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677) in a user's name, by libgsasl. Without
// channel binding: the server is asked over a TLS connection of our own.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct Gsasl;
struct Gsasl_session;

namespace parallax::proxy {

class ScramClient {
 public:
  static constexpr std::string_view kMechanism = "SCRAM-SHA-256";

  // The password is copied, and wiped as soon as the server's salt has been mixed in, or with the
  // object.
  explicit ScramClient(std::string_view password);
  ~ScramClient();
  ScramClient(const ScramClient&) = delete;
  ScramClient& operator=(const ScramClient&) = delete;

  // From the server's message (empty at first) to the client's; nothing when the server's makes no
  // sense, or its signature is wrong: then it does not know the password. error() says which.
  std::optional<std::string> step(std::string_view from_server);
  // The server has proven that it knows the password.
  bool done() const { return done_; }
  const std::string& error() const { return error_; }

 private:
  static int give_property(Gsasl* library, Gsasl_session* session, int property);
  int give_salted_password(Gsasl_session* session);
  void wipe();

  std::string password_;
  Gsasl* library_ = nullptr;
  Gsasl_session* session_ = nullptr;
  bool done_ = false;
  std::string error_;
};

}  // namespace parallax::proxy
