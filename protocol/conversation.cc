#include "protocol/conversation.h"

#include <algorithm>

#include "protocol/conversation_impl.h"

namespace parallax::protocol {

Conversation::Conversation(ConversationListener& listener, ConversationLimits limits)
    : impl_(std::make_unique<Impl>(listener, limits)) {}
Conversation::~Conversation() = default;

void Conversation::client_bytes(Bytes chunk, std::uint64_t now_ns) {
  impl_->client_bytes(chunk, now_ns);
}
void Conversation::server_bytes(Bytes chunk, std::uint64_t now_ns) {
  impl_->server_bytes(chunk, now_ns);
}
bool Conversation::authenticated() const { return impl_->authenticated(); }
bool Conversation::idle() const { return impl_->idle(); }
bool Conversation::server_at_boundary() const { return impl_->server_at_boundary(); }
char Conversation::transaction_status() const { return impl_->transaction_status(); }
bool Conversation::lost() const { return impl_->lost(); }
CommandNotes Conversation::last_sent() const { return impl_->last_sent(); }
CommandNotes Conversation::answering() const { return impl_->answering(); }
bool Conversation::answer_expected() const { return impl_->answer_expected(); }

Conversation::Impl::Impl(ConversationListener& listener, const ConversationLimits& limits)
    : listener_(listener),
      limits_(limits),
      notes_(limits.note_bytes),
      statements_(limits.named_statements),
      portals_(limits.named_portals) {}

void Conversation::Impl::client_bytes(Bytes chunk, std::uint64_t now_ns) {
  if (lost_) return;
  client_now_ns_ = now_ns;
  if (!client_framer_.feed(chunk, client_side_)) lose("bytes of the client are not messages");
  release_when_lost();
}

void Conversation::Impl::server_bytes(Bytes chunk, std::uint64_t now_ns) {
  if (lost_) return;
  server_now_ns_ = now_ns;
  if (!server_framer_.feed(chunk, server_side_)) lose("bytes of the server are not messages");
  release_when_lost();
}

bool Conversation::Impl::idle() const {
  return !lost_ && status_ == 'I' && queue_.empty() && client_framer_.at_boundary() &&
         server_framer_.at_boundary();
}

void Conversation::Impl::lose(std::string_view why) {
  if (lost_) return;
  lost_ = true;
  listener_.on_lost(why);
}

void Conversation::Impl::unexpected(char type) {
  std::string why = "unexpected ";
  why += backend_message_name(type);
  lose(why);
}

// Not in lose(): whoever called it may still hold a reference to a request.
void Conversation::Impl::release_when_lost() {
  if (!lost_ || released_) return;
  released_ = true;
  queue_ = {};
  statements_ = StatementNames(limits_.named_statements);
  portals_ = PortalNames(limits_.named_portals);
  client_framer_ = {};
  server_framer_ = {};
}

void Conversation::Impl::pop() {
  queue_.pop_front();
  // A CopyDone or CopyFail outside of COPY is ignored by the server (postgres.c: the client did not
  // notice an error).
  while (!queue_.empty() && queue_.front().kind == RequestKind::copy_end) queue_.pop_front();
}

void Conversation::Impl::drop_front(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    undo(queue_.front());
    queue_.pop_front();
  }
}

// The request had no effect on the server.
void Conversation::Impl::undo(Request& request) {
  if (!request.tracked) return;
  if (request.kind == RequestKind::parse && request.failed && request.name.empty()) {
    // The server drops the old unnamed statement before it reads the new one.
    statements_.change_done(request.name, true, {});
  } else if (request.kind == RequestKind::parse || request.kind == RequestKind::close_statement) {
    statements_.change_dropped(request.name);
  } else if (request.kind == RequestKind::query) {
    statements_.change_dropped("");
  }
}

// The portal of the Execute at this place: that of the last Bind of the name before it in the queue
// (which happens only where answers will not come), or one that exists.
Conversation::Impl::ExecuteTarget Conversation::Impl::target_of(std::size_t execute_index) {
  const ExecuteTarget unknown{&no_statement_, &no_binding_, 0, 0, true};
  const Request& execute = queue_.at(execute_index);
  if (!execute.tracked) return unknown;
  for (std::size_t i = execute_index; i-- > 0;) {
    const Request& bind = queue_.at(i);
    if (bind.kind == RequestKind::bind && bind.tracked && bind.name == execute.name) {
      return {&bind.statement, &bind.binding, bind.statement_serial, bind.portal_serial, true};
    }
  }
  const Portal* portal = portals_.find(execute.name);
  if (portal == nullptr) return unknown;
  return {&portal->statement, &portal->binding, portal->statement_serial, portal->serial,
          !portal->executed};
}

CommandNotes Conversation::Impl::command_notes(std::size_t index) {
  const Request& request = queue_.at(index);
  if (request.kind == RequestKind::query) return {request.statement, nullptr};
  if (request.kind == RequestKind::execute) return {nullptr, *target_of(index).binding};
  return {};
}

CommandNotes Conversation::Impl::last_sent() {
  return answer_expected() ? command_notes(queue_.size() - 1) : CommandNotes{};
}

CommandNotes Conversation::Impl::answering() {
  return answer_expected() ? command_notes(0) : CommandNotes{};
}

// An Execute that the server skips. It is the failed command when it is the first one after the
// request that failed and runs what that request was to make.
void Conversation::Impl::report_dropped_execute(std::size_t index) {
  failure_.open = false;
  const ExecuteTarget target = target_of(index);
  const bool led_here =
      (failure_.statement_serial != 0 && failure_.statement_serial == target.statement_serial) ||
      (failure_.portal_serial != 0 && failure_.portal_serial == target.portal_serial);
  if (!led_here) return;
  const Request& execute = queue_.at(index);
  report_execute(execute, target, CommandEnd::failed, {}, failure_.sqlstate,
                 std::max(failure_.when_ns, execute.requested_ns));
}

void Conversation::Impl::report_query(const Request& query, CommandEnd end, std::string_view tag,
                                      std::string_view sqlstate) {
  spare_ready_ = 0;
  listener_.on_command({end, true, !query.answered, query.statement, no_binding_, tag, sqlstate,
                        status_, query.requested_ns, server_now_ns_});
}

void Conversation::Impl::report_execute(const Request& execute, const ExecuteTarget& target,
                                        CommandEnd end, std::string_view tag,
                                        std::string_view sqlstate, std::uint64_t completed_ns) {
  spare_ready_ = 0;
  listener_.on_command({end, false, target.first, *target.statement, *target.binding, tag, sqlstate,
                        status_, execute.requested_ns, completed_ns});
}

}  // namespace parallax::protocol
