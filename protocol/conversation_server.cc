// Answers: what the server sends, matched with the request at the head of the queue (PostgreSQL
// manual, "Message Flow").

#include <algorithm>

#include "protocol/conversation_impl.h"

namespace parallax::protocol {
namespace {

constexpr std::size_t kErrorBytes = 4096;  // SQLSTATE is one of the first fields
constexpr std::size_t kTagBytes = 256;     // COMPLETION_TAG_BUFSIZE of the server is 64
constexpr std::size_t kBackendKeyBytes = 4 + 256;
constexpr std::size_t kParameterTypesBytes = 2 + 4 * 4096;  // of more parameters nothing is told
constexpr std::size_t kParameterBytes = 16384;  // longer values (a search_path) are not reported
constexpr std::uint32_t kStartupMessageBytes = 30000;  // libpq's limit for an error of this time

bool is_command(const Request& request) {
  return request.kind == RequestKind::execute ||
         (request.kind == RequestKind::query && !request.failed);
}

}  // namespace

std::size_t Conversation::Impl::server_wanted(char type, std::uint32_t body_length) {
  if (lost_) return 0;
  if (!authenticated_ && body_length > kStartupMessageBytes) {
    // An error of protocol 2 has no length: `E`, a text, NUL. Read as protocol 3 its text becomes a
    // large length.
    lose("answer to the startup packet is not of protocol 3");
    return 0;
  }
  switch (type) {
    case backend::kErrorResponse:
      return kErrorBytes;
    case backend::kCommandComplete:
      return kTagBytes;
    case backend::kParameterStatus:
      return kParameterBytes;
    case backend::kAuthentication:
      return sizeof(std::uint32_t);
    case backend::kReadyForQuery:
      return 1;
    case backend::kBackendKeyData:
      return kBackendKeyBytes;
    case backend::kDataRow: {
      RowSink* sink = row_sink();
      return sink != nullptr && sink->wants(body_length) ? body_length : 0;
    }
    case backend::kParameterDescription:
      return describes_noted_statement() ? kParameterTypesBytes : 0;
    default:
      return 0;
  }
}

bool Conversation::Impl::describes_noted_statement() {
  if (queue_.empty() || skipping_) return false;
  const Request& head = queue_.front();
  return head.kind == RequestKind::describe_statement && head.statement != nullptr;
}

// Rows come by the thousand: the head of the queue is asked once.
RowSink* Conversation::Impl::row_sink() {
  if (sink_known_) return sink_;
  sink_ = nullptr;
  if (queue_.empty() || skipping_) return nullptr;
  sink_known_ = true;
  Request& head = queue_.front();
  if (head.kind == RequestKind::query && !head.answered && head.statement != nullptr) {
    sink_ = head.statement->rows();
  } else if (head.kind == RequestKind::execute) {
    if (const auto& binding = *target_of(0).binding; binding != nullptr) sink_ = binding->rows();
  }
  return sink_;
}

void Conversation::Impl::server_message(const Message& message) {
  if (lost_) return;
  if (message.type != backend::kDataRow) sink_known_ = false;  // another request may be at the head
  switch (message.type) {
    // "Asynchronous operations": at any time, any number of them.
    case backend::kNoticeResponse:
    case backend::kNotificationResponse:
      return;
    case backend::kParameterStatus:
      if (const auto view = view_parameter_status(message.body)) {
        listener_.on_parameter_status(view->name, view->value);
      }
      return;
    case backend::kErrorResponse:
      return error(message);
    case backend::kReadyForQuery:
      return ready(message);
    default:
      break;
  }
  if (!started_) return startup_message(message);
  if (queue_.empty() || skipping_) return unexpected(message.type);
  answer(queue_.front(), message);
}

void Conversation::Impl::startup_message(const Message& message) {
  switch (message.type) {
    case backend::kAuthentication:
      if (const auto code = ByteReader(message.body).u32()) {
        authenticated_ = authenticated_ || *code == 0;
        return;
      }
      return lose("Authentication without a code");
    case backend::kBackendKeyData:
      if (message.whole()) listener_.on_backend_key(message.body);
      return;
    case backend::kNegotiateProtocolVersion:
      return;
    default:
      return unexpected(message.type);
  }
}

void Conversation::Impl::answer(Request& head, const Message& message) {
  const bool command = is_command(head);
  switch (message.type) {
    case backend::kDataRow:
      if (!command) break;
      if (sink_known_ && sink_ != nullptr && message.whole()) sink_->row(message.body);
      return;
    case backend::kParseComplete:
      if (head.kind == RequestKind::parse) return parse_complete(head);
      break;
    case backend::kBindComplete:
      if (head.kind == RequestKind::bind) return bind_complete(head);
      break;
    case backend::kCloseComplete:
      return close_complete(head);
    case backend::kParameterDescription:
    case backend::kRowDescription:
    case backend::kNoData:
      return description(head, message);
    case backend::kCommandComplete:
      if (command) return command_end(CommandEnd::completed, message);
      break;
    case backend::kEmptyQueryResponse:
      if (command) return command_end(CommandEnd::empty, message);
      break;
    case backend::kPortalSuspended:
      if (head.kind == RequestKind::execute) return command_end(CommandEnd::suspended, message);
      break;
    case backend::kFunctionCallResponse:
      if (head.kind != RequestKind::function_call || head.answered) break;
      head.answered = true;
      return;
    case backend::kCopyInResponse:
    case backend::kCopyOutResponse:
      if (!command || copy_ != CopyState::none) break;
      copy_ = message.type == backend::kCopyInResponse ? CopyState::in : CopyState::out;
      return;
    case backend::kCopyData:
    case backend::kCopyDone:
      if (command && copy_ == CopyState::out) return;
      break;
    case backend::kCopyBothResponse:
      if (head.kind != RequestKind::query || head.failed) break;
      lost_ =
          true;  // streaming replication: nothing to be observed from here on, and nothing wrong
      return;
    default:
      break;
  }
  unexpected(message.type);
}

void Conversation::Impl::parse_complete(Request& head) {
  statements_.change_done(head.name, head.tracked, {head.statement, head.statement_serial});
  pop();
}

void Conversation::Impl::bind_complete(Request& head) {
  if (head.tracked) {
    Portal portal;
    portal.serial = head.portal_serial;
    // The name meant another statement when the Bind passed if the Parse before it has failed since
    // (in another unit) or a DEALLOCATE came between. Then what runs is not known.
    const std::uint64_t certain = head.bound_known ? statements_.confirmed(head.bound).serial : 0;
    if (certain != 0 && certain == head.statement_serial) {
      portal.statement = head.statement;
      portal.binding = head.binding;
      portal.statement_serial = head.statement_serial;
    }
    portals_.put(head.name, std::move(portal));
  }
  pop();
}

void Conversation::Impl::close_complete(Request& head) {
  if (head.kind == RequestKind::close_statement) {
    statements_.change_done(head.name, head.tracked, {});
  } else if (head.kind == RequestKind::close_portal) {
    if (head.tracked) portals_.remove(head.name);
  } else {
    return unexpected(backend::kCloseComplete);
  }
  pop();
}

// Describe of a statement: ParameterDescription, then RowDescription or NoData. Describe of a
// portal: one of the latter. Within a simple query each result has its RowDescription.
void Conversation::Impl::description(Request& head, const Message& message) {
  const bool parameters = message.type == backend::kParameterDescription;
  if (parameters && message.whole() && message.body.size() >= 2 && describes_noted_statement()) {
    head.statement->parameters_described(message.body.subspan(2));
  }
  if (head.kind == RequestKind::describe_statement && head.described != parameters) {
    head.described = true;
    if (!parameters) pop();
  } else if (head.kind == RequestKind::describe_portal && !parameters) {
    pop();
  } else if (message.type != backend::kRowDescription || head.kind != RequestKind::query ||
             head.failed) {
    unexpected(message.type);
  }
}

void Conversation::Impl::command_end(CommandEnd end, const Message& message) {
  if (copy_ == CopyState::in && !skip_copy_requests()) return unexpected(message.type);
  copy_ = CopyState::none;
  Request& request = queue_.front();
  std::string_view tag;
  if (end == CommandEnd::completed) {
    tag = as_text(message.body);
    tag = tag.substr(0, tag.find('\0'));
    forget_deallocated(
        tag, request.kind == RequestKind::query ? request.statement : *target_of(0).statement);
  }
  if (request.kind == RequestKind::query) {
    report_query(request, end, tag, {});
    request.answered = true;
    return;
  }
  report_execute(request, target_of(0), end, tag, {}, server_now_ns_);
  if (Portal* portal = request.tracked ? portals_.find(request.name) : nullptr)
    portal->executed = true;
  pop();
}

// Statements are also dropped in SQL. The tag of DEALLOCATE does not say which one it was; where
// the text does not either, no named statement is certain any more.
void Conversation::Impl::forget_deallocated(std::string_view tag, const StatementRef& statement) {
  const auto name = statement == nullptr ? std::string_view{} : statement->deallocates();
  if (tag == "DEALLOCATE" && !name.empty()) {
    statements_.forget(name);
  } else if (tag == "DEALLOCATE" || tag == "DEALLOCATE ALL" || tag == "DISCARD ALL") {
    statements_.forget_named();
  }
}

// While the server reads COPY data it ignores Sync (and Flush) until CopyDone or CopyFail
// (copyfromparse.c, CopyGetData): such requests get no answer. Removes them and the mark behind
// them; false when there is no mark yet or something else was sent before it.
bool Conversation::Impl::skip_copy_requests() {
  const std::size_t syncs = syncs_behind_head();
  const std::size_t mark = 1 + syncs;
  const bool marked = mark < queue_.size() && queue_.at(mark).kind == RequestKind::copy_end;
  queue_.remove_behind_front(marked ? mark : syncs);
  return marked;
}

std::size_t Conversation::Impl::syncs_behind_head() {
  std::size_t count = 0;
  while (1 + count < queue_.size() && queue_.at(1 + count).kind == RequestKind::sync) ++count;
  return count;
}

void Conversation::Impl::ready(const Message& message) {
  const std::string_view body = as_text(message.body);
  if (!message.whole() || body.size() != 1 ||
      std::string_view("ITE").find(body[0]) == std::string_view::npos) {
    return lose("malformed ReadyForQuery");
  }
  if (!started_ && authenticated_) {
    started_ = true;
  } else if (!started_ || !finish_request_by_ready()) {
    return unexpected(message.type);
  }
  status_ = body[0];
  if (status_ == 'I') portals_.clear();  // portals end with their transaction
  listener_.on_ready(status_);
}

bool Conversation::Impl::finish_request_by_ready() {
  if (!queue_.empty() && !skipping_) {
    Request& head = queue_.front();
    const bool query = head.kind == RequestKind::query;
    const bool call = head.kind == RequestKind::function_call;
    if (head.kind == RequestKind::sync || ((query || call) && head.answered)) {
      if (query) {
        statements_.change_done("", true, {});
        portals_.remove("");
      }
      pop();
      return true;
    }
  }
  if (spare_ready_ == 0) return false;
  --spare_ready_;
  if (skipping_) {
    drop_front(queue_.size());
    skipping_ = false;
    failure_.open = false;
  }
  return true;
}

}  // namespace parallax::protocol
