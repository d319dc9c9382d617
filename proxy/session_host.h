#pragma once

// What a session needs from the world. A worker gives it sockets, timers and a clock; tests give it
// memory and a clock of their own.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "protocol/conversation.h"
#include "protocol/startup.h"
#include "proxy/close_reason.h"
#include "proxy/config.h"
#include "proxy/io/byte_stream.h"
#include "proxy/proxy_metrics.h"

namespace parallax::proxy {

class Session;

// Destroying it cancels what it stands for.
class Pending {
 public:
  virtual ~Pending() = default;
};

class SessionHost {
 public:
  virtual ~SessionHost() = default;

  // A new upstream connection; null and a reason on failure. The callback comes once, later, and
  // may close the session.
  virtual std::unique_ptr<Pending> connect_upstream(
      std::function<void(std::unique_ptr<io::ByteStream>, const std::string& error)> callback) = 0;
  virtual std::unique_ptr<Pending> after(std::chrono::milliseconds delay,
                                         std::function<void()> callback) = 0;
  virtual std::uint64_t now_ns() = 0;

  // May one more session go upstream? Counted until released.
  virtual bool admit() = 0;
  virtual void release() = 0;
  // The session is authenticated, or has ended without being so; told once.
  virtual void no_longer_unauthenticated() = 0;

  // The tap's listener for this session; null when nothing is to be observed.
  virtual std::unique_ptr<protocol::ConversationListener> observe(
      std::uint64_t session_id, const protocol::StartupParameters& startup) = 0;

  virtual const Limits& limits() const = 0;
  virtual const ProxyMetrics& metrics() const = 0;
  virtual metrics::Shard& shard() = 0;

  // The last call of a session. The host destroys it, not before the running callback has returned.
  virtual void ended(Session& session, CloseReason reason, const std::string& detail) = 0;
};

}  // namespace parallax::proxy
