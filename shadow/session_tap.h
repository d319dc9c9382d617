#pragma once

// The listener of one session's conversation. See tap.h.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/conversation.h"
#include "shadow/live_capture.h"
#include "shadow/session_context.h"
#include "shadow/strict/strict.h"
#include "shadow/tap.h"

namespace parallax::shadow {

class SessionTap final : public protocol::ConversationListener, public StrictSession {
 public:
  SessionTap(WorkerTap& worker, std::uint64_t session_id,
             const protocol::StartupParameters& startup);
  ~SessionTap() override;

  protocol::StatementRef on_query(std::string_view sql, bool whole) override;
  protocol::StatementRef on_parse(const protocol::ParseView& parse, bool whole) override;
  protocol::BindingRef on_bind(const protocol::StatementRef& statement,
                               const protocol::BindView& bind, bool whole) override;
  void on_command(const protocol::Command& command) override;
  void on_parameter_status(std::string_view name, std::string_view value) override;
  void on_ready(char transaction_status) override;
  void on_error(std::string_view, bool) override { context_.failed(); }
  void on_lost(std::string_view why) override;

  // session_tap_strict.cc
  bool may_hold() const override { return worker_.any_strict(); }
  bool holds(const protocol::CommandNotes& command) const override;
  Held complete(const protocol::CommandNotes& command, std::string_view tag,
                const StrictTicket& ticket, double seconds) override;

 private:
  struct Request;
  struct Binding;
  struct SimpleRequest;
  // How the client's statement ended, and in what context it ran.
  struct Ending {
    protocol::CommandEnd end = protocol::CommandEnd::completed;
    std::string sqlstate;  // of its error
    double seconds = 0;    // as the client saw it
    std::uint64_t completed_ns = 0;
    ReplayContextRef context;
  };
  struct OpenPortal {
    protocol::BindingRef binding;  // a Binding
    Ending ending;                 // of its first Execute
  };

  // As it is now; the same value until it changes.
  const ReplayContextRef& replay_context();
  std::span<const SettingEffect> effects_of(const protocol::Command& command,
                                            const KnownStatement& statement);
  std::shared_ptr<const KnownStatement> bound_statement(const protocol::StatementRef& note);
  static const KnownStatement* known_statement(const protocol::StatementRef& note);
  // `known`, or what it is where its tags name a rule.
  protocol::StatementRef uncovered(std::shared_ptr<KnownStatement> known, std::string_view sql,
                                   std::string_view text, std::string_view name) const;
  void count_uncovered(const protocol::Command& command, const KnownStatement& statement);
  // `formats`: of the result, as LiveCapture takes them.
  void begin(Request& request, Matches found, protocol::Bytes formats);
  void leave_unread(Request& request, const Rule& rule, Side side, SkipReason why);
  bool is_wanted(const Request& request) const;
  Ending ending_of(const protocol::Command& command);
  void simple_operation(const protocol::Command& command, const KnownStatement& statement);
  // The root of a rule that is off.
  void count_off(const Rule& rule, Side side, double seconds);
  void portal_operation(const protocol::Command& command, const KnownStatement& statement);
  // `rows` that the client got; nothing when it has not taken all.
  void end_request(Request& request, const Ending& ending, std::optional<std::uint64_t> rows,
                   std::optional<SkipReason> skip);
  void end_open_portals(std::optional<SkipReason> skip);
  // A root, complete: count its operation and end it as skipped, dropped, or offered.
  void operation(Request& request, const Ending& ending, LiveResult live,
                 std::optional<SkipReason> skip);
  static void lived(const Request& request, const Ending& ending);
  Captured captured(Request& request, const Ending& ending, LiveResult live) const;
  void child(Request& request, const Ending& ending, const LiveResult& live,
             std::optional<SkipReason> skip);
  std::optional<SkipReason> obstacle(const Request& request, const Rule& rule) const;
  // What lies in the session.
  std::optional<SkipReason> session_obstacle(const std::optional<StrictHold>& hold) const {
    return hold && hold->ticket.in_transaction ? context_.obstacle_on_own() : context_.obstacle();
  }
  static std::vector<const Rule*> strict_rules(const Request& request);
  static Request* request_of(const protocol::CommandNotes& command);
  // Its answer is held for this rule.
  static std::optional<StrictHold> hold_for(const Request& request, const Rule& rule);
  // ... or for rules of which it may be a child.
  static std::optional<StrictHold> hold_of_child(const Request& request);
  // The statement whose answer is held for the rule will not be compared.
  void uncompared(const Request& request, const Rule& rule, std::string_view why);

  WorkerTap& worker_;
  std::uint64_t session_id_;
  SessionContext context_;
  ReplayContextRef replay_context_;
  std::uint64_t replay_revision_ = 0;
  std::size_t statement_index_ = 0;       // in the text of a simple query
  std::vector<OpenPortal> open_portals_;  // suspended; as many as portals of one transaction
  bool block_may_have_ended_ = false;     // since the last ReadyForQuery
  Held held_;                             // of the statement that complete() is about
};

}  // namespace parallax::shadow
