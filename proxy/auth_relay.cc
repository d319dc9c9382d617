#include "proxy/auth_relay.h"

#include <algorithm>
#include <utility>

#include "protocol/messages.h"
#include "protocol/sasl.h"

namespace parallax::proxy {

using protocol::Bytes;

namespace authentication = protocol::authentication;

namespace {

constexpr std::size_t kHeaderBytes = 5;
constexpr std::size_t kCodeBytes = 4;
// What a client may send behind its password before it is logged in.
constexpr std::size_t kHeldBytesMax = std::size_t{1024} * 1024;

char type_of(Bytes message) { return static_cast<char>(message.front()); }
Bytes body_of(Bytes message) { return message.subspan(kHeaderBytes); }

}  // namespace

void AuthRelay::server_bytes(Bytes chunk) {
  from_server_.feed(chunk);
  while (!over_ && !refused_) {
    const auto message = from_server_.next();
    if (!message) break;
    server_message(*message);
    if (asked_ && !over_ && !refused_) client_messages();  // what waited for the asking
  }
  if (from_server_.broken() && mediation_ != Mediation::none && !refused_) refuse_out_of_turn();
  over_ = over_ || from_server_.broken();
  if (over_ && !refused_) pass(from_server_.take_rest());
  flush_to_client();
}

void AuthRelay::server_ended() {
  if (refused_ || over_ || mediation_ != Mediation::none) return;
  pass(from_server_.take_rest());
  flush_to_client();
}

bool AuthRelay::client_ended() {
  if (mediation_ == Mediation::running) return false;
  // The half of a password that was to be used here is not for the server.
  if (mediation_ == Mediation::none) {
    if (const auto rest = from_client_.take_rest(); !rest.empty()) sink_.auth_to_server(rest);
  }
  return true;
}

void AuthRelay::flush_to_client() {
  if (!to_client_.empty()) sink_.auth_to_client(std::exchange(to_client_, {}));
}

void AuthRelay::server_message(Bytes message) {
  switch (type_of(message)) {
    case protocol::backend::kAuthentication:
      return authentication_request(message);
    case protocol::backend::kErrorResponse:
      return error_response(message);
    default:
      return pass(message);
  }
}

void AuthRelay::authentication_request(Bytes message) {
  asked_ = true;
  const auto code = protocol::ByteReader(body_of(message)).u32();
  // Also while the client is asked: whatever else the server says now, the password that comes is
  // not for its eyes.
  if (mediation_ != Mediation::none) return mediate(code.value_or(UINT32_MAX), message);
  if (code == authentication::kSasl) return offered(message);
  if (code == authentication::kCleartextPassword && legs_.server_tls && !legs_.client_tls &&
      !legs_.client_local) {
    return refuse("28000",
                  "the server asks for the password in clear text, and this connection to the "
                  "proxy is not encrypted",
                  "Connect to the proxy with sslmode=require.");
  }
  accepted_ = code == authentication::kOk;
  over_ = accepted_;
  pass(message);
}

// The server's list of mechanisms.
void AuthRelay::offered(Bytes message) {
  const auto body = body_of(message);
  const auto mechanisms = protocol::sasl_mechanisms(body).value_or(std::vector<std::string_view>{});
  if (std::ranges::none_of(mechanisms, protocol::binds_channel)) return pass(message);
  server_binds_ = true;
  if (!legs_.client_tls) {
    const auto plain = protocol::without_channel_binding(body);
    return pass(plain ? Bytes(*plain) : message);
  }
  if (!legs_.ask_password ||
      std::ranges::find(mechanisms, ScramClient::kMechanism) == mechanisms.end()) {
    binding_offered_over_tls_ = true;
    return pass(message);
  }
  server_binds_ = false;  // to us, and we do not bind
  mediation_ = Mediation::waiting_for_password;
  pass(protocol::build_cleartext_password_request());
}

// An Authentication message while SCRAM runs in the client's name.
void AuthRelay::mediate(std::uint32_t code, Bytes message) {
  if (mediation_ == Mediation::waiting_for_password) return refuse_out_of_turn();
  switch (code) {
    case authentication::kSaslContinue:
    case authentication::kSaslFinal: {
      const auto data = protocol::as_text(body_of(message).subspan(kCodeBytes));
      const auto answer = scram_->step(data);
      if (!answer) {
        return refuse("28000", "SCRAM with the server failed: " + scram_->error());
      }
      if (code == authentication::kSaslContinue) {
        sink_.auth_to_server(protocol::build_sasl_response(*answer));
      }
      return;
    }
    case authentication::kOk:
      if (!scram_->done()) {
        return refuse("28000", "the server has not proven that it knows the password");
      }
      scram_.reset();
      mediation_ = Mediation::none;
      accepted_ = true;
      over_ = true;
      return pass(message);
    default:
      return refuse_out_of_turn();
  }
}

void AuthRelay::refuse_out_of_turn() { refuse("08P01", "the server left SCRAM in the middle"); }

void AuthRelay::error_response(Bytes message) {
  // 28000: "channel binding check failed" and "negotiation error"; a wrong password is 28P01.
  const auto sqlstate = protocol::view_error_field(body_of(message), 'C');
  sink_.auth_error(sqlstate);
  binding_failed_ = server_binds_ && client_would_bind_ && sqlstate == "28000";
  pass(message);
}

void AuthRelay::client_bytes(Bytes chunk) {
  from_client_.feed(chunk);
  client_messages();
  flush_to_client();
}

void AuthRelay::client_messages() {
  while (!refused_) {
    const auto message = from_client_.next();
    if (!message) break;
    const bool password = type_of(*message) == protocol::frontend::kPassword;
    if (password && may_ask() && !asked_) {  // whose password it is shows when the server asks
      from_client_.put_back();
      break;
    }
    if (password && mediation_ == Mediation::waiting_for_password) {
      password_given(body_of(*message));
      continue;
    }
    if (password && mediation_ == Mediation::running) {
      refuse("08P01", "a second password was sent");
      continue;
    }
    if (mediation_ == Mediation::running) {  // a client that does not wait; SCRAM comes first
      from_client_.put_back();
      break;
    }
    if (password && server_binds_ && !client_would_bind_) {
      const auto first = protocol::view_sasl_initial_response(body_of(*message));
      client_would_bind_ = first && (protocol::binds_channel(first->mechanism) ||
                                     protocol::believes_unbindable(*first));
    }
    sink_.auth_to_server(*message);
  }
  // A password that is too long, say: in SCRAM's place it is not for the server's eyes.
  const bool endless = from_client_.broken() || from_client_.buffered() > kHeldBytesMax;
  const bool ours = mediation_ != Mediation::none || (may_ask() && !asked_);
  if (endless && ours && !refused_) refuse("08P01", "invalid password packet size");
  if (!from_client_.broken() || refused_) return;
  if (const auto rest = from_client_.take_rest(); !rest.empty()) sink_.auth_to_server(rest);
}

void AuthRelay::password_given(Bytes body) {
  const auto password = protocol::ByteReader(body).c_string();
  if (!password) return refuse("08P01", "invalid password packet size");
  scram_ = std::make_unique<ScramClient>(*password);
  const auto first = scram_->step({});
  if (!first) return refuse("28000", "SCRAM with the server failed: " + scram_->error());
  mediation_ = Mediation::running;
  sink_.auth_to_server(protocol::build_sasl_initial_response(ScramClient::kMechanism, *first));
}

void AuthRelay::refuse(std::string_view sqlstate, const std::string& message,
                       std::string_view hint) {
  refused_ = true;
  flush_to_client();
  sink_.auth_refused(sqlstate, message, hint);
}

}  // namespace parallax::proxy
