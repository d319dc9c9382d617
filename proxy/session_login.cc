// A session up to AuthenticationOk: the first packets, TLS with the client, the upstream
// connection, the login.

#include <array>
#include <cstring>
#include <utility>

#include "protocol/build.h"
#include "proxy/io/tls_stream.h"
#include "proxy/session.h"

namespace parallax::proxy {

namespace {

constexpr std::chrono::milliseconds kCancelTimeout{5'000};

constexpr std::array<std::byte, 1> kNo = {std::byte{'N'}};
constexpr std::array<std::byte, 1> kYes = {std::byte{'S'}};

constexpr std::size_t kCancelHeaderBytes = 8;  // length and code

constexpr const char* kBindingRemedy =
    "SCRAM channel binding cannot pass a proxy that ends TLS: write channel_binding=disable in the "
    "client's connection string, or `auth: password` for this listener";

// The bytes lie in the loop's read buffer, where a password would stay until the next read.
void wipe(io::Bytes chunk) { explicit_bzero(const_cast<std::byte*>(chunk.data()), chunk.size()); }

}  // namespace

bool Session::is_cancel() const {
  return handshake_.first_packet().kind == protocol::FirstPacketKind::cancel_request;
}

void Session::startup_bytes(io::Bytes chunk) {
  switch (handshake_.feed(chunk)) {
    case Handshake::Order::wait:
      return;
    case Handshake::Order::answer_no:
      client_->write(kNo);
      return;
    case Handshake::Order::encrypt:
      client_->write(kYes);
      return begin_client_tls(false, {});
    case Handshake::Order::encrypt_directly:
      return begin_client_tls(true, chunk);
    case Handshake::Order::start:
    case Handshake::Order::cancel:
      wipe(chunk);  // a password may follow the startup packet
      return connect();
    case Handshake::Order::stuffed:
      client_->write(kNo);
      return refuse_stuffed();
    case Handshake::Order::repeated:
      return refuse_repeated();
    case Handshake::Order::close:
      close(CloseReason::bad_startup, "the first packet has a length that no startup packet has");
      return;
  }
}

void Session::begin_client_tls(bool direct, io::Bytes early) {
  state_ = State::securing;
  client_->pause_reading();
  auto secured = std::make_unique<io::TlsStream>(
      std::move(client_), io::TlsEngine::server(origin_.tls),
      [this](std::function<void()> task) { host_.later(std::move(task)); });
  io::TlsStream& stream = *secured;
  client_ = std::move(secured);
  client_->set_listener(&client_side_);
  stream.handshake(early, [this, &stream, direct](const std::string& error) {
    client_secured(error, direct && !stream.engine().protocol_agreed());
  });
}

void Session::client_secured(const std::string& error, bool direct_without_protocol) {
  if (state_ != State::securing) return;
  if (!error.empty()) {
    close(CloseReason::tls_failed, "TLS with the client: " + error);
    return;
  }
  if (direct_without_protocol) {
    // Without the protocol's name (ALPN) a client of another protocol could have been led here.
    close(CloseReason::tls_failed, "direct TLS without ALPN");
    return;
  }
  state_ = State::awaiting_startup;
  if (handshake_.stuffed()) return refuse_stuffed();
  client_->resume_reading();
}

void Session::refuse_stuffed() {
  // The server's words (postmaster.c, ProcessStartupPacket).
  const char* request =
      handshake_.request_code() == protocol::kSslRequestCode ? "SSL" : "GSSAPI encryption";
  refuse(CloseReason::stuffed, "08P01",
         std::string("received unencrypted data after ") + request + " request",
         "This could be either a client-software bug or evidence of an attempted "
         "man-in-the-middle attack.");
}

void Session::refuse_repeated() {
  const auto code = handshake_.request_code();
  refuse(CloseReason::bad_startup, "0A000",
         "unsupported frontend protocol " + std::to_string(code >> 16) + "." +
             std::to_string(code & 0xffff) + ": server supports 3.0 to 3.0");
}

// Answers the client itself where it may not.
bool Session::may_connect() {
  const auto& listener = host_.listener(origin_.listener);
  // Clients never do TLS on a Unix socket.
  const bool remote = !origin_.client_address.empty();
  if (listener.tls.mode == TlsMode::require && remote && !handshake_.encrypted()) {
    refuse(CloseReason::tls_required, "28000", "this listener of the proxy requires TLS", {},
           "Write sslmode=require in the connection string.");
    return false;
  }
  user_ = protocol::read_startup_parameters(handshake_.first_packet()).user();
  if (const auto wait = host_.throttled(origin_, user_); wait.count() > 0) {
    refuse_throttled(wait);
    return false;
  }
  if (!host_.admit()) {
    refuse(CloseReason::too_many_sessions, "53300", "too many sessions through this proxy", {},
           "Raise limits.sessions in the proxy's configuration.");
    return false;
  }
  admitted_ = true;
  return true;
}

void Session::refuse_throttled(std::chrono::seconds wait) {
  refuse(CloseReason::auth_throttled, "28000",
         "too many failed logins from this address: the next attempt is let through in " +
             std::to_string(wait.count()) + " s",
         {},
         "The server's log says why they failed; limits.auth_failures in the proxy's configuration "
         "says how many a minute are let through.");
}

void Session::connect() {
  client_->pause_reading();
  timer_.reset();
  // A cancel request needs no session of its own: it must get through when the limit is reached.
  if (!is_cancel() && !may_connect()) return;
  state_ = State::connecting;
  connect_began_ns_ = host_.now_ns();
  std::string address;
  if (is_cancel()) {
    address = host_.address_for_cancel(
        std::string(protocol::as_text(handshake_.packet().subspan(kCancelHeaderBytes))));
  }
  connecting_ = host_.connect_upstream(
      origin_.listener, address,
      [this](UpstreamConnection connection) { connected(std::move(connection)); });
}

void Session::connected(UpstreamConnection connection) {
  upstream_ = std::move(connection);
  if (upstream_.stream == nullptr) {
    if (is_cancel()) {
      close(CloseReason::upstream_unreachable, upstream_.error);
    } else {
      refuse(CloseReason::upstream_unreachable, "08006",
             "could not connect to the upstream server: " + upstream_.error);
    }
    return;
  }
  host_.shard().observe(host_.metrics().upstream_connect,
                        static_cast<double>(host_.now_ns() - connect_began_ns_) * 1e-9);
  server_ = std::move(upstream_.stream);
  server_->set_listener(&server_side_);
  to_server_.emplace(*client_, *server_);
  to_client_.emplace(*server_, *client_);
  server_->write(handshake_.packet());
  is_cancel() ? begin_cancel() : begin_authentication();
}

// The client waits for our end, and we give it only after the server's: otherwise its next
// statement could run before the cancel arrives (libpq, "PQcancel", and many poolers' bug lists).
void Session::begin_cancel() {
  state_ = State::cancelling;
  timer_ = host_.after(kCancelTimeout, [this] {
    close(CloseReason::cancel_timeout, "the server did not close the cancel request");
  });
  server_->resume_reading();
  client_->resume_reading();
}

void Session::begin_authentication() {
  state_ = State::authenticating;
  const auto parameters = protocol::read_startup_parameters(handshake_.first_packet());
  auto tap = parameters.replication() ? nullptr : host_.observe(id_, parameters);
  observer_ = std::make_unique<SessionObserver>(
      host_.metrics(), host_.shard(), std::move(tap),
      SessionObserver::Events{
          .key_known =
              [this] { host_.remember_cancel_key(observer_->backend_key(), upstream_.address); },
          .lost = [this](std::string_view why) { host_.not_interpreted(id_, why); }});
  conversation_ = std::make_unique<protocol::Conversation>(*observer_);
  auth_ = std::make_unique<AuthRelay>(
      static_cast<AuthSink&>(*this),
      AuthLegs{.client_tls = handshake_.encrypted(),
               .client_local = origin_.client_local,
               .server_tls = upstream_.tls,
               .ask_password = host_.listener(origin_.listener).auth == AuthMode::password});
  timer_ = host_.after(host_.limits().authentication_timeout,
                       [this] { close(CloseReason::authentication_timeout); });
  server_->resume_reading();
  client_->resume_reading();
  if (!handshake_.rest().empty()) login_bytes_of_client(handshake_.rest());
}

void Session::login_bytes_of_client(io::Bytes chunk) {
  // Again, because many logins may have begun together.
  if (const auto wait = host_.throttled(origin_, user_); wait.count() > 0) {
    wipe(chunk);
    return refuse_throttled(wait);
  }
  auth_->client_bytes(chunk);
  wipe(chunk);
  if (state_ == State::authenticating && auth_->holds_client()) client_->pause_reading();
}

void Session::login_bytes_of_server(io::Bytes chunk) {
  auth_->server_bytes(chunk);
  if (state_ != State::authenticating) return;
  if (auth_->binding_offered_over_tls()) host_.channel_binding_offered(origin_.listener);
  if (auth_->over()) begin_relaying();
}

void Session::auth_to_client(protocol::Bytes bytes) { forward_to_client(bytes, host_.now_ns()); }

void Session::auth_to_server(protocol::Bytes message) {
  forward_to_server(message, host_.now_ns());
}

// A wrong password; other refusals (28000: pg_hba.conf, channel binding) are no guesses. Counted
// before the client knows: its next attempt may be quick.
void Session::auth_error(std::string_view sqlstate) {
  if (sqlstate == "28P01") host_.login_decided(origin_, user_, false);
}

void Session::auth_refused(std::string_view sqlstate, const std::string& message,
                           std::string_view hint) {
  refuse(CloseReason::login_refused, sqlstate, message, {}, hint);
}

void Session::begin_relaying() {
  state_ = State::relaying;
  timer_.reset();
  // Without AuthenticationOk the session stays counted against limits.unauthenticated_sessions; the
  // server's own authentication_timeout ends it.
  if (auth_->accepted()) {
    host_.login_decided(origin_, user_, true);
    no_longer_unauthenticated();
  }
  if (const auto rest = auth_->take_client_rest(); !rest.empty()) {
    forward_to_server(rest, host_.now_ns());
  }
  auth_.reset();
  handshake_.wipe();
  if (client_ended_) {
    to_server_->end();
  } else if (!to_server_->paused()) {
    client_->resume_reading();
  }
}

// The server has gone in the middle of a login. True when its channel binding was the reason.
bool Session::ended_by_channel_binding() {
  if (auth_ == nullptr || !auth_->binding_failed()) return false;
  linger(CloseReason::channel_binding, kBindingRemedy);
  return true;
}

void Session::no_longer_unauthenticated() {
  if (std::exchange(counted_unauthenticated_, false)) host_.no_longer_unauthenticated();
}

}  // namespace parallax::proxy
