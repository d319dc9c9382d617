#pragma once

// The conversation of one established session: which answer belongs to which request.
//
// It only observes. Both directions are fed with the bytes as they pass; requests are put into a
// queue and answers take them from its head (PostgreSQL manual, "Message Flow"; the comments in the
// .cc name the paragraph of each rule). Whatever does not fit switches it off for good: lost()
// becomes true, the listener is told once, and bytes go on. CopyBothResponse (streaming
// replication) switches it off too, but in silence: nothing went wrong there, lost() becomes true
// and on_lost is not called.
//
// What a statement and its parameters mean to the listener is carried along as notes, opaque here.
// A note lives as long as the session can still refer to it: named statements until Close or
// replacement, portals until the end of their transaction, requests until they are answered.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/bytes.h"
#include "protocol/framer.h"
#include "protocol/messages.h"
#include "protocol/notes.h"

namespace parallax::protocol {

enum class CommandEnd {
  completed,  // CommandComplete
  empty,      // EmptyQueryResponse
  suspended,  // PortalSuspended: the row limit of Execute was reached
  failed      // ErrorResponse to it, or to the Parse, Bind or Describe that led to it
};

// One command whose answer is complete: a statement of a simple query, or one Execute of a portal.
struct Command {
  CommandEnd end;
  bool simple;  // simple query protocol
  bool first;   // first result of its Query message, or first Execute of its portal (true where
                // the portal is unknown)
  const StatementRef& statement;  // null where the listener gave none, or the name is unknown
  const BindingRef& binding;      // null in the simple protocol, and where the listener gave none
  std::string_view tag;           // command tag (`SELECT 3`), empty unless completed
  std::string_view sqlstate;  // of the error, empty unless failed (and where the server sends none)
  char transaction_status;    // status in the ReadyForQuery before it: I, T or E
  std::uint64_t requested_ns;  // when the last byte of Query or Execute was read from the client
  std::uint64_t completed_ns;  // when the last byte of its answer was read from the server; never
                               // before requested_ns, also for an Execute that was sent when its
                               // Bind had already failed
};

// Called while bytes are fed. A listener must not feed or destroy the conversation from within a
// call; asking it is fine.
class ConversationListener {
 public:
  virtual ~ConversationListener() = default;

  // A statement passes on its way to the server. `whole` is false when the text is longer than was
  // kept; then `sql` is a prefix. The note returned (or null) is handed back with bindings and
  // commands. Not called for a Parse that the server passes over: no command can come of it.
  virtual StatementRef on_query(std::string_view sql, bool whole) = 0;
  virtual StatementRef on_parse(const ParseView& parse, bool whole) = 0;
  // A Bind for a statement with a note passes. Not called for statements without one, nor where the
  // server passes over it and no failed command can come of it. `whole` is false when only the
  // names were kept: the parameters are absent. The views end with the call.
  virtual BindingRef on_bind(const StatementRef& statement, const BindView& bind, bool whole) = 0;

  virtual void on_command(const Command& command) = 0;
  virtual void on_parameter_status(std::string_view name, std::string_view value) = 0;
  virtual void on_ready(char transaction_status) = 0;
  // BackendKeyData: process id and secret key, as a CancelRequest repeats them (4 + 4 to 256
  // bytes).
  virtual void on_backend_key(Bytes /*id_and_key*/) {}
  // An ErrorResponse passes, to whatever request or to none. `sqlstate` is empty where the server
  // sends none.
  virtual void on_error(std::string_view sqlstate, bool authenticated) = 0;
  // The conversation is lost and will call nothing any more.
  virtual void on_lost(std::string_view why) = 0;
};

// What a command means to the listener: its statement in the simple protocol, its binding in the
// extended one. Both null: it is no command, or nothing is known of it.
struct CommandNotes {
  StatementRef statement;
  BindingRef binding;
  bool any() const { return statement != nullptr || binding != nullptr; }
  bool operator==(const CommandNotes&) const = default;
};

struct ConversationLimits {
  std::size_t sql_bytes = 262'144;     // longest statement text kept
  std::size_t bind_bytes = 1'048'576;  // longest Bind body kept, for statements with a note
  // What all notes hold together (StatementNote::bytes). Beyond it a text or a Bind is handed over
  // as one that is too long.
  std::size_t note_bytes = std::size_t{16} * 1024 * 1024;
  std::size_t pending_requests = 1 << 17;  // requests without an answer; more means lost
  // Further names are not remembered (their executions have no note).
  std::size_t named_statements = 10'000;
  std::size_t named_portals = 10'000;
};

// What the conversation knows after authentication starts at the first ReadyForQuery.
// Authentication, BackendKeyData and NegotiateProtocolVersion before it are passed over.
class Conversation {
 public:
  // The listener must outlive the conversation.
  explicit Conversation(ConversationListener& listener, ConversationLimits limits = {});
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // Bytes that were read from the client (after the startup packet) or from the server, in order,
  // with the time of the read (monotonic clock).
  void client_bytes(Bytes chunk, std::uint64_t now_ns);
  void server_bytes(Bytes chunk, std::uint64_t now_ns);

  // AuthenticationOk has been seen.
  bool authenticated() const;
  // Nothing is outstanding: last status is `I`, no request is unanswered, both directions stand
  // between two messages. False when lost.
  bool idle() const;
  // The server's bytes stand between two messages, so that a message of ours could follow. False
  // when lost.
  bool server_at_boundary() const;
  // Status of the last ReadyForQuery: I, T, E; 0 before the first.
  char transaction_status() const;
  // Observes nothing any more.
  bool lost() const;

  // For who holds an answer back. Of the last request that was sent, where it is a Query or an
  // Execute; and of the one that the server's next message answers.
  CommandNotes last_sent() const;
  CommandNotes answering() const;
  // Requests that have no answer yet and will get one: not those that the server skips.
  bool answer_expected() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parallax::protocol
