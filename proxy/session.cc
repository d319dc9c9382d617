#include "proxy/session.h"

#include <utility>

#include "protocol/build.h"

namespace parallax::proxy {

namespace {

// The words of the server itself at a fast shutdown.
constexpr const char* kDrainWords = "terminating connection due to administrator command";
constexpr std::chrono::milliseconds kLingerStep{100};
constexpr std::uint64_t kLingerAfterFlushNs = 1'000'000'000;
// For how long a client may take nothing of the last words.
constexpr std::uint64_t kLingerWithoutProgressNs = 60'000'000'000;
// Output of the server for a client that is gone. Beyond it the server is to notice, as it would
// without a proxy.
constexpr std::size_t kDiscardBytesMax = std::size_t{1024} * 1024;

}  // namespace

void Session::Side::on_bytes(io::Bytes chunk) {
  is_client ? session.client_bytes(chunk) : session.server_bytes(chunk);
}

void Session::Side::on_end() {
  is_client ? session.client_gone(CloseReason::client_closed, {})
            : session.server_gone(CloseReason::server_closed, {});
}

void Session::Side::on_broken(const std::string& what) {
  is_client ? session.client_gone(CloseReason::client_broken, what)
            : session.server_gone(CloseReason::server_broken, what);
}

void Session::Side::on_drained() { session.side_drained(is_client); }

Session::Session(SessionHost& host, std::uint64_t id, SessionOrigin origin,
                 std::unique_ptr<io::ByteStream> client)
    : host_(host),
      id_(id),
      origin_(std::move(origin)),
      client_side_(*this, true),
      server_side_(*this, false),
      client_(std::move(client)),
      handshake_(origin_.tls != nullptr) {}

Session::~Session() = default;

void Session::start() {
  host_.shard().add(host_.metrics().sessions, 1);
  timer_ =
      host_.after(host_.limits().startup_timeout, [this] { close(CloseReason::startup_timeout); });
  client_->set_listener(&client_side_);
  client_->resume_reading();
}

void Session::client_bytes(io::Bytes chunk) {
  const auto read_ns = host_.now_ns();
  switch (state_) {
    case State::awaiting_startup:
      startup_bytes(chunk);
      return;
    case State::authenticating:
      login_bytes_of_client(chunk);
      return;
    case State::relaying:
      forward_to_server(chunk, read_ns);
      return;
    case State::securing:    // the stream keeps it
    case State::connecting:  // paused, so nothing comes
    case State::cancelling:  // a cancelling client says nothing more
    case State::closing:     // read and thrown away, see linger()
    case State::closed:
      return;
  }
}

void Session::forward_to_server(io::Bytes chunk, std::uint64_t read_ns) {
  if (gated()) return gate_->client_bytes(chunk, read_ns);
  to_server_->forward(chunk);
  auto& shard = host_.shard();
  shard.observe(host_.metrics().overhead, static_cast<double>(host_.now_ns() - read_ns) * 1e-9);
  shard.add(host_.metrics().bytes_to_server, chunk.size());
  conversation_->client_bytes(chunk, read_ns);
}

void Session::forward_to_client(io::Bytes chunk, std::uint64_t read_ns) {
  if (gate_ != nullptr) return gate_->server_bytes(chunk, read_ns);
  to_client_->forward(chunk);
  auto& shard = host_.shard();
  shard.observe(host_.metrics().overhead, static_cast<double>(host_.now_ns() - read_ns) * 1e-9);
  shard.add(host_.metrics().bytes_to_client, chunk.size());
  conversation_->server_bytes(chunk, read_ns);
}

void Session::server_bytes(io::Bytes chunk) {
  if (state_ == State::cancelling || state_ == State::closing || state_ == State::closed) return;
  // Behind a gate the server may still have to answer for the client's own words to go on.
  const bool held = gate_ != nullptr && gate_->busy();
  if (client_broken_ && !held) {
    discarded_bytes_ += chunk.size();
    if (discarded_bytes_ > kDiscardBytesMax) close(reason_, detail_);
    return;
  }
  if (state_ == State::authenticating) {
    login_bytes_of_server(chunk);
    if (state_ != State::relaying) return;
  } else {
    forward_to_client(chunk, host_.now_ns());
  }
  if (draining_) try_to_finish_drain();
}

void Session::client_gone(CloseReason reason, const std::string& what) {
  client_ended_ = true;
  client_broken_ = client_broken_ || reason == CloseReason::client_broken;
  switch (state_) {
    case State::awaiting_startup:
    case State::securing:
      close(handshake_.anything_received() ? reason : CloseReason::no_startup, what);
      return;
    case State::connecting:
      close(reason, what);
      return;
    case State::cancelling:  // the cancel itself is on its way; the server's end closes
      return;
    case State::authenticating:
    case State::relaying:
      reason_ = reason;
      detail_ = what;
      // What the client had sent still arrives: `insert` and a quick goodbye must not be lost. The
      // server ends next.
      if (gate_ != nullptr) {
        gate_->client_ended();
      } else if (state_ == State::relaying || auth_->client_ended()) {
        to_server_->end();
      }
      if (client_broken_) to_client_->sink_drained();
      return;
    case State::closing:
      linger_step();
      return;
    case State::closed:
      return;
  }
}

void Session::server_gone(CloseReason reason, const std::string& what) {
  switch (state_) {
    case State::cancelling:
      close(CloseReason::cancel_request);
      return;
    case State::authenticating:
    case State::relaying:
      if (auth_ != nullptr) auth_->server_ended();
      if (gate_ != nullptr && gate_->can_let_go()) gate_->let_go();
      if (ended_by_channel_binding()) return;
      linger(client_ended_ ? reason_ : reason, client_ended_ ? detail_ : what);
      return;
    case State::awaiting_startup:
    case State::securing:
    case State::connecting:
    case State::closing:
    case State::closed:
      return;
  }
}

void Session::side_drained(bool client) {
  if (state_ == State::closing) {
    if (client) linger_step();
    return;
  }
  if (client && to_client_) to_client_->sink_drained();
  if (!client && to_server_) to_server_->sink_drained();
  if (draining_) try_to_finish_drain();
}

void Session::drain() {
  draining_ = true;
  if (state_ == State::awaiting_startup || state_ == State::securing) {
    close(CloseReason::drained);
    return;
  }
  if (state_ == State::connecting || state_ == State::authenticating) {
    return refuse(CloseReason::drained, "57P01", kDrainWords);
  }
  try_to_finish_drain();
}

void Session::try_to_finish_drain() {
  if (state_ != State::relaying || client_ended_ || !conversation_->idle()) return;
  if (server_->queued_bytes() > 0) return;
  client_->write(protocol::build_error_response(
      {.severity = "FATAL", .sqlstate = "57P01", .message = kDrainWords}));
  host_.shard().add(host_.metrics().errors_from_parallax);
  server_->write(protocol::build_terminate());
  server_->finish_writing();
  linger(CloseReason::drained, {});
}

void Session::refuse(CloseReason reason, std::string_view sqlstate, const std::string& message,
                     std::string_view detail, std::string_view hint) {
  client_->write(protocol::build_error_response({.severity = "FATAL",
                                                 .sqlstate = sqlstate,
                                                 .message = message,
                                                 .detail = detail,
                                                 .hint = hint}));
  host_.shard().add(host_.metrics().errors_from_parallax);
  linger(reason, message);
}

void Session::linger(CloseReason reason, const std::string& detail) {
  state_ = State::closing;
  reason_ = reason;
  detail_ = detail;
  connecting_.reset();
  client_->finish_writing();
  client_->resume_reading();
  linger_step();
}

void Session::linger_step() {
  const auto unsent = client_->unsent_bytes();
  const bool flushed = client_broken_ || client_->queued_bytes() == 0;
  const auto now = host_.now_ns();
  if (lingering_since_ns_ == 0 || unsent != std::exchange(lingering_bytes_, unsent))
    lingering_since_ns_ = now;
  if (flushed && flushed_since_ns_ == 0) flushed_since_ns_ = now;
  const bool taken = flushed && (client_ended_ || now - flushed_since_ns_ >= kLingerAfterFlushNs);
  if (taken || now - lingering_since_ns_ >= kLingerWithoutProgressNs) {
    close(reason_, detail_);
    return;
  }
  timer_ = host_.after(kLingerStep, [this] {
    let_server_go();
    linger_step();
  });
}

// A client that takes its time keeps neither the server nor a place among the sessions. Not within
// linger(), whose callers may still be at work on the server's bytes.
void Session::let_server_go() {
  if (server_ && server_->queued_bytes() > 0) return;  // a Terminate
  gate_.reset();
  to_server_.reset();
  to_client_.reset();
  leave_server();
}

void Session::leave_server() {
  if (server_ == nullptr && !admitted_) return;  // once: its cancel key may be another's by now
  if (server_) server_->set_listener(nullptr);
  server_.reset();
  if (observer_ && !observer_->backend_key().empty())
    host_.forget_cancel_key(observer_->backend_key());
  if (std::exchange(admitted_, false)) host_.release();
}

void Session::close(CloseReason reason, const std::string& detail) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  detail_ = detail;
  gate_.reset();
  client_->set_listener(nullptr);
  client_.reset();
  connecting_.reset();
  timer_.reset();
  handshake_.wipe();
  no_longer_unauthenticated();
  leave_server();
  host_.shard().add(host_.metrics().sessions, -1);
  host_.shard().add(host_.metrics().outcomes[static_cast<std::size_t>(reason)]);
  host_.ended(*this, reason, detail_);
}

}  // namespace parallax::proxy
