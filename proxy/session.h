#pragma once

// One client connection and its own upstream connection.
//
//   awaiting_startup -> connecting -> authenticating -> relaying -> closing -> closed
//     \-> securing -/        \-> cancelling ---------------------------/
//
// After authentication the bytes of each direction are forwarded chunk by chunk as they were read,
// and only then shown to the conversation, which observes. Neither direction waits for the other,
// and nothing waits for the tap. In strict mode alone both directions lead through a StrictGate,
// which holds the answer to a matched statement until its verdict is known.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "protocol/conversation.h"
#include "proxy/auth_relay.h"
#include "proxy/half_pipe.h"
#include "proxy/handshake.h"
#include "proxy/session_host.h"
#include "proxy/session_observer.h"
#include "proxy/strict_gate.h"

namespace parallax::proxy {

class Session final : private AuthSink {
 public:
  // The host must outlive the session.
  Session(SessionHost& host, std::uint64_t id, SessionOrigin origin,
          std::unique_ptr<io::ByteStream> client);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::uint64_t id() const { return id_; }
  std::size_t listener() const { return origin_.listener; }
  void start();

  // Ends as soon as nothing is outstanding: an idle session gets 57P01, as from the server; a busy
  // one finishes first.
  void drain();
  // Ends now, whatever is outstanding.
  void close(CloseReason reason, const std::string& detail = {});

  // Strict mode: what the engine says of a held statement.
  void strict_answer(shadow::StrictAnswer answer);
  void strict_run(shadow::ClientRound round);
  // No rule is strict any more: what is held goes on.
  void let_go();

 private:
  enum class State {
    awaiting_startup,
    securing,  // TLS handshake with the client
    connecting,
    cancelling,
    authenticating,
    relaying,
    closing,
    closed
  };

  // One side's events, told apart.
  struct Side final : io::StreamListener {
    Side(Session& owner, bool client) : session(owner), is_client(client) {}
    void on_bytes(io::Bytes chunk) override;
    void on_end() override;
    void on_broken(const std::string& what) override;
    void on_drained() override;
    Session& session;
    bool is_client;
  };

  void client_bytes(io::Bytes chunk);
  void server_bytes(io::Bytes chunk);
  void forward_to_server(io::Bytes chunk, std::uint64_t read_ns);
  void forward_to_client(io::Bytes chunk, std::uint64_t read_ns);
  // session_strict.cc
  bool gated();
  void make_gate();
  void relay_to_server(io::Bytes bytes);
  void relay_to_client(io::Bytes bytes);
  void client_gone(CloseReason reason, const std::string& what);
  void server_gone(CloseReason reason, const std::string& what);
  void side_drained(bool client);

  // session_login.cc: up to AuthenticationOk.
  void startup_bytes(io::Bytes chunk);
  void begin_client_tls(bool direct, io::Bytes early);
  void client_secured(const std::string& error, bool direct_without_protocol);
  void refuse_stuffed();
  void refuse_repeated();
  void connect();
  bool may_connect();
  void connected(UpstreamConnection connection);
  void begin_cancel();
  void begin_authentication();
  void login_bytes_of_client(io::Bytes chunk);
  void login_bytes_of_server(io::Bytes chunk);
  void refuse_throttled(std::chrono::seconds wait);
  void begin_relaying();
  bool ended_by_channel_binding();
  void no_longer_unauthenticated();
  bool is_cancel() const;
  void auth_to_client(protocol::Bytes bytes) override;
  void auth_to_server(protocol::Bytes message) override;
  void auth_error(std::string_view sqlstate) override;
  void auth_refused(std::string_view sqlstate, const std::string& message,
                    std::string_view hint) override;

  void try_to_finish_drain();
  // Sends a FATAL error of ours, the client's last message, then lingers.
  void refuse(CloseReason reason, std::string_view sqlstate, const std::string& message,
              std::string_view detail = {}, std::string_view hint = {});
  // Lets the client take what is queued and read our end, then closes: a close() with unread bytes
  // would reset the connection and lose the server's last words.
  void linger(CloseReason reason, const std::string& detail);
  void linger_step();
  void let_server_go();
  void leave_server();

  SessionHost& host_;
  const std::uint64_t id_;
  const SessionOrigin origin_;
  State state_ = State::awaiting_startup;
  Side client_side_;
  Side server_side_;
  std::unique_ptr<io::ByteStream> client_;
  std::unique_ptr<io::ByteStream> server_;
  std::optional<HalfPipe> to_server_;
  std::optional<HalfPipe> to_client_;
  Handshake handshake_;
  std::unique_ptr<AuthRelay> auth_;  // until the login is over
  UpstreamConnection upstream_;      // without its stream
  std::unique_ptr<SessionObserver> observer_;
  std::unique_ptr<protocol::Conversation> conversation_;
  std::unique_ptr<StrictGate> gate_;   // null: nothing can be held
  std::uint64_t held_statements_ = 0;  // by its gates, one after the other
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<Pending> connecting_;
  std::unique_ptr<Pending> timer_;
  std::uint64_t connect_began_ns_ = 0;
  std::string user_;  // of the startup packet
  bool admitted_ = false;
  bool counted_unauthenticated_ = true;
  bool draining_ = false;
  bool client_ended_ = false;
  bool client_broken_ = false;
  std::size_t discarded_bytes_ = 0;
  std::uint64_t flushed_since_ns_ = 0;
  std::size_t lingering_bytes_ = 0;  // that the client had not taken yet when it last took some
  std::uint64_t lingering_since_ns_ = 0;  // of that
  CloseReason reason_ = CloseReason::client_closed;
  std::string detail_;
};

}  // namespace parallax::proxy
