#pragma once

// What a session needs from the world. A worker gives it sockets, timers and a clock; tests give it
// memory and a clock of their own.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/conversation.h"
#include "protocol/startup.h"
#include "proxy/close_reason.h"
#include "proxy/config.h"
#include "proxy/io/byte_stream.h"
#include "proxy/io/tls_context.h"
#include "proxy/proxy_metrics.h"

namespace parallax::proxy {

class Session;

// What strict mode has to know in a session.
struct StrictSettings {
  shadow::StrictOptions options;
  std::size_t held_bytes_max = std::size_t{16} * 1024 * 1024;  // of one answer
};

// Destroying it cancels what it stands for.
class Pending {
 public:
  virtual ~Pending() = default;
};

// Where a session comes from.
struct SessionOrigin {
  std::size_t listener = 0;                             // index in the configuration
  std::string client_address = {};                      // numeric; empty for a Unix socket
  bool client_local = false;                            // loopback or Unix socket
  std::shared_ptr<const io::TlsContext> tls = nullptr;  // null: the listener does not do TLS
};

struct UpstreamConnection {
  std::unique_ptr<io::ByteStream> stream = nullptr;  // null on failure
  std::string error = {};
  bool tls = false;
  std::string address = {};  // numeric, or the directory of a Unix socket
};

class SessionHost {
 public:
  virtual ~SessionHost() = default;

  // A new connection to the listener's upstream, TLS included. `address`: where to, if it must be
  // this one of the upstream's addresses; else empty. The callback comes once, later, and may close
  // the session.
  virtual std::unique_ptr<Pending> connect_upstream(
      std::size_t listener, const std::string& address,
      std::function<void(UpstreamConnection)> callback) = 0;
  virtual std::unique_ptr<Pending> after(std::chrono::milliseconds delay,
                                         std::function<void()> callback) = 0;
  // Runs `task` when the running callback has returned.
  virtual void later(std::function<void()> task) = 0;
  virtual std::uint64_t now_ns() = 0;

  // May one more session go upstream? Counted until released.
  virtual bool admit() = 0;
  virtual void release() = 0;
  // The session is authenticated, or has ended without being so; told once.
  virtual void no_longer_unauthenticated() = 0;

  // How long logins from there are refused, because too many have failed; zero when they are not.
  virtual std::chrono::seconds throttled(const SessionOrigin& origin, std::string_view user) = 0;
  // How a login has ended that the server decided.
  virtual void login_decided(const SessionOrigin& origin, std::string_view user, bool accepted) = 0;
  // The server offers channel binding behind our TLS; see AuthRelay.
  virtual void channel_binding_offered(std::size_t listener) = 0;

  // Which address a session is connected to, by its BackendKeyData: its cancel must go there, too.
  virtual void remember_cancel_key(const std::string& key, const std::string& address) = 0;
  virtual void forget_cancel_key(const std::string& key) = 0;
  virtual std::string address_for_cancel(const std::string& key) = 0;  // empty when not known

  // The tap's listener for the session; null when nothing is to be observed.
  virtual std::unique_ptr<protocol::ConversationListener> observe(
      std::uint64_t session_id, const protocol::StartupParameters& startup) = 0;

  // The session goes on as a pipe whose bytes nobody looks at; told once.
  virtual void not_interpreted(std::uint64_t session_id, std::string_view why) = 0;

  // Of the worker; tickets name it.
  virtual std::size_t index() const = 0;
  virtual const StrictSettings& strict() const = 0;

  virtual const ListenerConfig& listener(std::size_t index) const = 0;
  virtual const Limits& limits() const = 0;
  virtual const ProxyMetrics& metrics() const = 0;
  virtual metrics::Shard& shard() = 0;

  // The last call of a session. The host destroys it, not before the running callback has returned.
  virtual void ended(Session& session, CloseReason reason, const std::string& detail) = 0;
};

}  // namespace parallax::proxy
