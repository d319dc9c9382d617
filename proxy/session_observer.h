#pragma once

// Listens to a session's conversation for the proxy's own counters and passes everything on to the
// tap, where there is one.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/conversation.h"
#include "proxy/proxy_metrics.h"
#include "shadow/strict/strict.h"

namespace parallax::proxy {

class SessionObserver final : public protocol::ConversationListener {
 public:
  struct Events {
    std::function<void()> key_known;                 // the server has told backend_key()
    std::function<void(std::string_view why)> lost;  // the session is not interpreted any more
  };
  // `tap` may be null: mode off, replication.
  SessionObserver(const ProxyMetrics& metrics, metrics::Shard& shard,
                  std::unique_ptr<protocol::ConversationListener> tap, Events events)
      : metrics_(metrics),
        shard_(shard),
        tap_(std::move(tap)),
        strict_(dynamic_cast<shadow::StrictSession*>(tap_.get())),
        events_(std::move(events)) {}

  // The tap as strict mode needs it; null: nothing is ever held.
  shadow::StrictSession* strict() const { return strict_; }

  protocol::StatementRef on_query(std::string_view sql, bool whole) override {
    return tap_ ? tap_->on_query(sql, whole) : nullptr;
  }
  protocol::StatementRef on_parse(const protocol::ParseView& parse, bool whole) override {
    return tap_ ? tap_->on_parse(parse, whole) : nullptr;
  }
  protocol::BindingRef on_bind(const protocol::StatementRef& statement,
                               const protocol::BindView& bind, bool whole) override {
    return tap_ ? tap_->on_bind(statement, bind, whole) : nullptr;
  }
  void on_command(const protocol::Command& command) override {
    if (tap_) tap_->on_command(command);
  }
  void on_parameter_status(std::string_view name, std::string_view value) override {
    if (tap_) tap_->on_parameter_status(name, value);
  }
  void on_ready(char transaction_status) override {
    if (tap_) tap_->on_ready(transaction_status);
  }
  void on_backend_key(protocol::Bytes id_and_key) override {
    if (!backend_key_.empty()) return;  // a server sends one
    backend_key_ = protocol::as_text(id_and_key);
    events_.key_known();
  }
  void on_error(std::string_view sqlstate, bool authenticated) override {
    shard_.add(metrics_.errors_from_server);
    // Class 28: invalid authorization specification, wrong password.
    if (!authenticated && sqlstate.starts_with("28")) shard_.add(metrics_.auth_failures);
    if (tap_) tap_->on_error(sqlstate, authenticated);
  }
  void on_lost(std::string_view why) override {
    shard_.add(metrics_.desyncs);
    events_.lost(why);
    if (tap_) tap_->on_lost(why);
  }

  // What a CancelRequest for the session says behind its code; empty until it is known.
  const std::string& backend_key() const { return backend_key_; }

 private:
  const ProxyMetrics& metrics_;
  metrics::Shard& shard_;
  std::unique_ptr<protocol::ConversationListener> tap_;
  shadow::StrictSession* strict_;
  Events events_;
  std::string backend_key_;
};

}  // namespace parallax::proxy
