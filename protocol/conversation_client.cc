// Requests: what the client sends, as the server's SocketBackend and PostgresMain (postgres.c) will
// read it.

#include <algorithm>
#include <optional>

#include "protocol/conversation_impl.h"

namespace parallax::protocol {
namespace {

constexpr std::size_t kNameRoom = kNameBytesMax + 1;  // with its NUL
// Name and parameter types of a Parse, beside the SQL: 65,535 types and their count.
constexpr std::size_t kParseRoom = kNameRoom + 1 + 2 + std::size_t{4} * 65535;
constexpr std::size_t kBindNamesRoom = 2 * kNameRoom;
// What is kept whatever is held already: so much of so many.
constexpr std::size_t kShortBytes = 1024;
constexpr std::size_t kFewRequests = 1000;

}  // namespace

std::size_t Conversation::Impl::client_wanted(char type, std::uint32_t body_length) const {
  if (lost_ || ignored_by_server(type)) return 0;
  const auto within_budget = [&](std::size_t most, std::size_t names) {
    return has_room(std::min<std::size_t>(body_length, most)) ? most : names;
  };
  switch (type) {
    case frontend::kQuery:
      return within_budget(limits_.sql_bytes + 1, 0);
    case frontend::kParse:
      return skipping_ ? kNameRoom : within_budget(limits_.sql_bytes + kParseRoom, kNameRoom);
    case frontend::kBind:
      return within_budget(bind_room(), kBindNamesRoom);
    case frontend::kDescribe:
    case frontend::kClose:
      return 1 + kNameRoom;
    case frontend::kExecute:
      return kNameRoom;
    default:
      return 0;  // also passwords: never kept
  }
}

std::size_t Conversation::Impl::bind_room() const {
  const bool noted = statements_.any_note() && (!skipping_ || failure_.statement_serial != 0);
  return noted ? std::max(limits_.bind_bytes, kBindNamesRoom) : kBindNamesRoom;
}

// Whether a note may be made of what it says. The header may have come when there was room still,
// and a short message may make a long note.
bool Conversation::Impl::whole_and_room(const Message& message) const {
  return message.whole() && notes_.has_room(message.body_length);
}

// Of what is kept until its answer has come, and under no name: a session that holds too much still
// gets to say COMMIT, or DISCARD ALL.
bool Conversation::Impl::has_room(std::size_t bytes) const {
  return notes_.has_room(bytes) || (bytes <= kShortBytes && queue_.size() < kFewRequests);
}

// Of what the server passes over, one Execute is told: that of the statement or portal that failed.
// Nothing else needs a note; a client may go on like that for ever.
bool Conversation::Impl::may_lead_to_failure(const Prepared& prepared) const {
  return !skipping_ || (prepared.serial != 0 && prepared.serial == failure_.statement_serial);
}

// After an error the server discards all messages until a Sync, also simple queries. Of these,
// Parse, Bind and Execute are still looked at until the Execute of the failed unit has come.
bool Conversation::Impl::ignored_by_server(char type) const {
  if (!skipping_ || type == frontend::kSync) return false;
  const bool leads_to_execute =
      type == frontend::kParse || type == frontend::kBind || type == frontend::kExecute;
  return !(failure_.open && leads_to_execute);
}

void Conversation::Impl::client_message(const Message& message) {
  if (lost_ || ignored_by_server(message.type)) return;
  switch (message.type) {
    case frontend::kQuery:
      return take_query(message);
    case frontend::kParse:
      return take_parse(message);
    case frontend::kBind:
      return take_bind(message);
    case frontend::kDescribe:
      return take_named(message, RequestKind::describe_statement, RequestKind::describe_portal);
    case frontend::kClose:
      return take_named(message, RequestKind::close_statement, RequestKind::close_portal);
    case frontend::kExecute:
      return take_execute(message);
    case frontend::kSync:
      return take_sync();
    case frontend::kFunctionCall:
      push(RequestKind::function_call);
      return;
    case frontend::kCopyDone:
    case frontend::kCopyFail:
      return take_copy_end();
    case frontend::kCopyData:
    case frontend::kFlush:
    case frontend::kPassword:
    case frontend::kTerminate:
      return;  // no answer belongs to these
    default:
      return lose("unknown message of the client");
  }
}

Request* Conversation::Impl::push(RequestKind kind) {
  if (queue_.size() >= limits_.pending_requests) {
    lose("too many requests without an answer");
    return nullptr;
  }
  return &queue_.push(kind);
}

void Conversation::Impl::take_query(const Message& message) {
  Request* request = push(RequestKind::query);
  if (request == nullptr) return;
  request->requested_ns = client_now_ns_;
  // Whatever it says, and also when it fails, a Query drops the unnamed statement
  // (exec_simple_query).
  request->tracked = statements_.change_sent("", {});
  if (!message.whole() || !has_room(message.body_length)) {
    const std::string_view prefix = as_text(message.body).substr(0, limits_.sql_bytes);
    request->statement =
        notes_.keep(listener_.on_query(prefix.substr(0, prefix.find('\0')), false));
  } else if (const auto sql = view_query(message.body)) {
    request->statement = notes_.keep(listener_.on_query(*sql, true));
  }  // else malformed: the server will answer with an error
}

void Conversation::Impl::take_parse(const Message& message) {
  Request* request = push(RequestKind::parse);
  if (request == nullptr) return;
  auto view = message.whole() ? view_parse(message.body) : view_parse_prefix(message.body);
  if (!view) return;
  bool whole = view->name.empty() ? message.whole() && has_room(message.body_length)
                                  : whole_and_room(message);
  if (view->sql.size() > limits_.sql_bytes) {
    view->sql = view->sql.substr(0, limits_.sql_bytes);
    view->parameter_types = {};
    whole = false;
  }
  if (!skipping_) request->statement = notes_.keep(listener_.on_parse(*view, whole));
  request->statement_serial = ++last_serial_;
  if (!can_remember(view->name)) return;
  request->name = view->name;
  request->tracked =
      statements_.change_sent(request->name, {request->statement, request->statement_serial});
}

void Conversation::Impl::take_bind(const Message& message) {
  Request* request = push(RequestKind::bind);
  if (request == nullptr) return;
  request->portal_serial = ++last_serial_;
  const auto names = view_bind_names(message.body);
  if (!names) return;
  if (can_remember(names->portal)) {
    request->name = names->portal;
    request->tracked = true;
  }
  if (!can_remember(names->statement)) return;
  request->bound = names->statement;
  request->bound_known = true;
  const Prepared& prepared = statements_.sent(request->bound);
  request->statement_serial = prepared.serial;
  if (!may_lead_to_failure(prepared)) return;
  request->statement = prepared.note;
  if (request->statement) request->binding = note_binding(request->statement, *names, message);
}

BindingRef Conversation::Impl::note_binding(const StatementRef& statement, const BindView& names,
                                            const Message& message) {
  if (!whole_and_room(message)) return notes_.keep(listener_.on_bind(statement, names, false));
  const auto view = view_bind(message.body);
  if (!view) return {};  // malformed: the server will answer with an error
  return notes_.keep(listener_.on_bind(statement, *view, true));
}

void Conversation::Impl::take_named(const Message& message, RequestKind of_statement,
                                    RequestKind of_portal) {
  const auto view = view_named(message.body);
  const bool statement = view && view->kind == 'S';
  Request* request = push(statement ? of_statement : of_portal);
  if (request == nullptr || !view || !can_remember(view->name)) return;
  request->name = view->name;
  request->tracked = true;
  if (!statement) return;
  const Prepared& prepared = statements_.sent(request->name);
  request->statement_serial = prepared.serial;
  if (request->kind == RequestKind::describe_statement) request->statement = prepared.note;
  if (request->kind == RequestKind::close_statement) {
    request->tracked = statements_.change_sent(request->name, {});
  }
}

void Conversation::Impl::take_execute(const Message& message) {
  Request* request = push(RequestKind::execute);
  if (request == nullptr) return;
  request->requested_ns = client_now_ns_;
  const auto portal = view_execute(message.body);
  if (portal && can_remember(*portal)) {
    request->name = *portal;
    request->tracked = true;
  }
  if (skipping_ && failure_.open) report_dropped_execute(queue_.size() - 1);
}

void Conversation::Impl::take_sync() {
  if (skipping_) {
    drop_front(queue_.size());
    skipping_ = false;
    failure_.open = false;
  }
  push(RequestKind::sync);
}

// Kept as a mark of where a COPY IN ends; outside of COPY the server ignores it.
void Conversation::Impl::take_copy_end() {
  if (!queue_.empty()) push(RequestKind::copy_end);
}

}  // namespace parallax::protocol
