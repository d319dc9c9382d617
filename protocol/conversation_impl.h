#pragma once

// The inside of Conversation: requests are read in conversation_client.cc, answers in
// conversation_server.cc.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/conversation.h"
#include "protocol/framer.h"
#include "protocol/note_budget.h"
#include "protocol/portal_names.h"
#include "protocol/request_queue.h"
#include "protocol/statement_names.h"

namespace parallax::protocol {

class Conversation::Impl {
 public:
  Impl(ConversationListener& listener, const ConversationLimits& limits);

  void client_bytes(Bytes chunk, std::uint64_t now_ns);
  void server_bytes(Bytes chunk, std::uint64_t now_ns);

  bool authenticated() const { return authenticated_; }
  bool idle() const;
  bool server_at_boundary() const { return !lost_ && server_framer_.at_boundary(); }
  char transaction_status() const { return status_; }
  bool lost() const { return lost_; }
  CommandNotes last_sent();
  CommandNotes answering();
  bool answer_expected() const { return !lost_ && !skipping_ && !queue_.empty(); }

 private:
  struct ClientSide final : FramerVisitor {
    explicit ClientSide(Impl& owner) : impl(owner) {}
    std::size_t wanted(char type, std::uint32_t body_length) override {
      return impl.client_wanted(type, body_length);
    }
    void message(const Message& message) override { impl.client_message(message); }
    Impl& impl;
  };
  struct ServerSide final : FramerVisitor {
    explicit ServerSide(Impl& owner) : impl(owner) {}
    std::size_t wanted(char type, std::uint32_t body_length) override {
      return impl.server_wanted(type, body_length);
    }
    void message(const Message& message) override { impl.server_message(message); }
    Impl& impl;
  };

  enum class CopyState { none, in, out };

  // The first request of a unit (up to Sync) that failed, until the Execute it led to is found.
  struct Failure {
    bool open = false;  // no Execute has followed yet
    std::uint64_t statement_serial =
        0;  // of the Parse that failed, or whose statement's Describe failed; else 0
    std::uint64_t portal_serial = 0;  // likewise of the Bind
    std::uint64_t when_ns = 0;
    std::string sqlstate;
  };

  // A portal as an Execute sees it.
  struct ExecuteTarget {
    const StatementRef* statement;
    const BindingRef* binding;
    std::uint64_t statement_serial;
    std::uint64_t portal_serial;
    bool first;
  };

  // Client side.
  std::size_t client_wanted(char type, std::uint32_t body_length) const;
  std::size_t bind_room() const;
  void client_message(const Message& message);
  bool ignored_by_server(char type) const;
  bool whole_and_room(const Message& message) const;
  bool has_room(std::size_t bytes) const;
  bool may_lead_to_failure(const Prepared& prepared) const;
  Request* push(RequestKind kind);
  void take_query(const Message& message);
  void take_parse(const Message& message);
  void take_bind(const Message& message);
  BindingRef note_binding(const StatementRef& statement, const BindView& names,
                          const Message& message);
  void take_named(const Message& message, RequestKind of_statement, RequestKind of_portal);
  void take_execute(const Message& message);
  void take_sync();
  void take_copy_end();

  // Server side.
  std::size_t server_wanted(char type, std::uint32_t body_length);
  void server_message(const Message& message);
  void startup_message(const Message& message);
  void answer(Request& head, const Message& message);
  void parse_complete(Request& head);
  void bind_complete(Request& head);
  void close_complete(Request& head);
  void description(Request& head, const Message& message);
  RowSink* row_sink();
  bool describes_noted_statement();
  void command_end(CommandEnd end, const Message& message);
  void ready(const Message& message);
  bool finish_request_by_ready();
  void error(const Message& message);
  void fail_query(Request& head, std::string_view sqlstate);
  void fail_unit(Request& head, std::string_view sqlstate);
  void blame(Request& head);
  void drop_to_sync();
  bool skip_copy_requests();
  void doubt_copy_requests();
  std::size_t syncs_behind_head();
  void forget_deallocated(std::string_view tag, const StatementRef& statement);

  // Both.
  void pop();
  void drop_front(std::size_t count);
  void undo(Request& request);
  ExecuteTarget target_of(std::size_t execute_index);
  CommandNotes command_notes(std::size_t index);
  void report_dropped_execute(std::size_t index);
  void report_query(const Request& query, CommandEnd end, std::string_view tag,
                    std::string_view sqlstate);
  void report_execute(const Request& execute, const ExecuteTarget& target, CommandEnd end,
                      std::string_view tag, std::string_view sqlstate, std::uint64_t completed_ns);
  void lose(std::string_view why);
  void unexpected(char type);
  void release_when_lost();

  ConversationListener& listener_;
  const ConversationLimits limits_;
  ClientSide client_side_{*this};
  ServerSide server_side_{*this};
  Framer client_framer_;
  Framer server_framer_;
  std::uint64_t client_now_ns_ = 0;
  std::uint64_t server_now_ns_ = 0;

  bool authenticated_ = false;  // AuthenticationOk has come
  bool started_ = false;        // the first ReadyForQuery has come
  bool lost_ = false;
  bool released_ = false;
  char status_ = 0;

  const NoteBudget notes_;
  RequestQueue queue_;
  StatementNames statements_;
  PortalNames portals_;
  std::uint64_t last_serial_ = 0;
  CopyState copy_ = CopyState::none;
  // The server skips everything up to the next Sync, which has not been sent yet. The requests of
  // this unit stay in the queue until then, the failed one at its head.
  bool skipping_ = false;
  Failure failure_;
  // Who takes the rows of the request at the head, once it has been asked for.
  RowSink* sink_ = nullptr;
  bool sink_known_ = false;
  // ReadyForQuery that may come although no request in the queue asks for it: see
  // doubt_copy_requests.
  std::size_t spare_ready_ = 0;

  const StatementRef no_statement_;
  const BindingRef no_binding_;
};

}  // namespace parallax::protocol
