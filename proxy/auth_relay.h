#pragma once

// The login between a client and the server, up to AuthenticationOk. Messages pass whole, those of
// the client one write each (some poolers match a login message only as one delivery), with two
// exceptions, because a client binds SCRAM to the TLS channel it sees, which is not the server's:
//
//   - on a plain client leg the mechanisms with channel binding are taken off the server's list; a
//     client without TLS could use none of them, and refuses a server that offers them;
//   - on a TLS client leg, where the listener says so (`auth: password`), the client is asked for
//     its password, and SCRAM with the server is done in its name.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.h"
#include "proxy/auth_framer.h"
#include "proxy/scram_client.h"

namespace parallax::proxy {

struct AuthLegs {
  bool client_tls = false;
  bool client_local = false;  // loopback or Unix socket
  bool server_tls = false;
  bool ask_password = false;  // `auth: password`
};

// Where the orders of an AuthRelay go; none of them may destroy it.
class AuthSink {
 public:
  virtual ~AuthSink() = default;
  virtual void auth_to_client(protocol::Bytes bytes) = 0;
  virtual void auth_to_server(protocol::Bytes message) = 0;  // one write
  // The server answers with this error, which the client has not seen yet.
  virtual void auth_error(std::string_view sqlstate) = 0;
  // FATAL to the client, and the end. Comes last.
  virtual void auth_refused(std::string_view sqlstate, const std::string& message,
                            std::string_view hint) = 0;
};

class AuthRelay {
 public:
  AuthRelay(AuthSink& sink, AuthLegs legs) : sink_(sink), legs_(legs) {}

  // The bytes as they were read. Nothing may be fed after a refusal, or when it is over.
  void server_bytes(protocol::Bytes chunk);
  void client_bytes(protocol::Bytes chunk);

  // The server sends no more: the beginning of a message that was held back passes.
  void server_ended();
  // The client sends no more. True: what it had sent has gone, and the server may be told; false:
  // it has sent all that is needed, and the rest goes when the login is over.
  bool client_ended();

  // AuthenticationOk has passed.
  bool accepted() const { return accepted_; }
  // Bytes of the client wait for the end of the login: it should not send more.
  bool holds_client() const {
    return mediation_ == Mediation::running && from_client_.buffered() > 0;
  }
  // AuthenticationOk has passed, or what the server says are no messages: from here on bytes are
  // forwarded as they come.
  bool over() const { return over_; }
  // What the client had sent in part; goes to the server when it is over, or the client has ended.
  protocol::Bytes take_client_rest() { return from_client_.take_rest(); }

  // The server offers channel binding, the client's leg is TLS, and nothing was done about it.
  bool binding_offered_over_tls() const { return binding_offered_over_tls_; }
  // The server has refused the client because of channel binding, that or a client on a plain leg
  // that says it could have bound.
  bool binding_failed() const { return binding_failed_; }

 private:
  enum class Mediation { none, waiting_for_password, running };

  bool may_ask() const { return legs_.client_tls && legs_.ask_password; }
  void client_messages();
  void server_message(protocol::Bytes message);
  void authentication_request(protocol::Bytes message);
  void offered(protocol::Bytes message);
  void mediate(std::uint32_t code, protocol::Bytes message);
  void refuse_out_of_turn();
  void password_given(protocol::Bytes body);
  void error_response(protocol::Bytes message);
  void pass(protocol::Bytes message) {
    to_client_.insert(to_client_.end(), message.begin(), message.end());
  }
  void refuse(std::string_view sqlstate, const std::string& message, std::string_view hint = {});
  void flush_to_client();

  AuthSink& sink_;
  const AuthLegs legs_;
  AuthFramer from_server_;
  AuthFramer from_client_;
  std::vector<std::byte> to_client_;  // of the chunk that is being handled: one write
  Mediation mediation_ = Mediation::none;
  std::unique_ptr<ScramClient> scram_;
  bool asked_ = false;  // the server has sent an Authentication message
  bool accepted_ = false;
  bool over_ = false;
  bool refused_ = false;
  bool server_binds_ = false;  // it has a mechanism with channel binding, and decides the login
  bool binding_offered_over_tls_ = false;
  bool client_would_bind_ = false;
  bool binding_failed_ = false;
};

}  // namespace parallax::proxy
