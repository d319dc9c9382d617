#pragma once

// The listener of one session's conversation. See tap.h.

#include <memory>
#include <string_view>
#include <vector>

#include "protocol/conversation.h"
#include "shadow/session_context.h"
#include "shadow/tap.h"

namespace parallax::shadow {

class SessionTap final : public protocol::ConversationListener {
 public:
  SessionTap(WorkerTap& worker, std::uint64_t session_id,
             const protocol::StartupParameters& startup);

  protocol::StatementRef on_query(std::string_view sql, bool whole) override;
  protocol::StatementRef on_parse(const protocol::ParseView& parse, bool whole) override;
  protocol::BindingRef on_bind(const protocol::StatementRef& statement,
                               const protocol::BindView& bind, bool whole) override;
  void on_command(const protocol::Command& command) override;
  void on_parameter_status(std::string_view name, std::string_view value) override;
  void on_ready(char transaction_status) override;
  void on_error(std::string_view, bool) override {}
  void on_lost(std::string_view why) override;

 private:
  // One operation of `rule`, complete: count it and end it as skipped, dropped, or offered.
  void operation(const Rule& rule, const protocol::Command& command, std::optional<SkipReason> skip,
                 CapturedOperation* captured);
  void simple_operation(const KnownStatement& statement, const protocol::Command& command);
  std::optional<SkipReason> obstacle(const Rule& rule) const;

  WorkerTap& worker_;
  std::uint64_t session_id_;
  SessionContext context_;
  ReplayContextRef replay_context_;
};

}  // namespace parallax::shadow
