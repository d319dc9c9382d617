// ErrorResponse: what it ends, what it makes the server skip, and which command it belongs to.

#include "protocol/conversation_impl.h"

namespace parallax::protocol {

void Conversation::Impl::error(const Message& message) {
  const std::string_view sqlstate = view_error_field(message.body, 'C');
  listener_.on_error(sqlstate, authenticated_);
  // At start-up, at idle, or a second one (FATAL after the first): the connection is about to end,
  // or nothing of ours has failed. None is a sign of lost sync.
  if (!started_ || queue_.empty() || skipping_) return;
  Request& head = queue_.front();
  switch (head.kind) {
    case RequestKind::query:
      return fail_query(head, sqlstate);
    case RequestKind::function_call:
      head.answered = true;
      return;
    case RequestKind::sync:  // the commit failed; ReadyForQuery follows all the same
      return;
    case RequestKind::parse:
    case RequestKind::bind:
    case RequestKind::describe_statement:
    case RequestKind::describe_portal:
    case RequestKind::execute:
    case RequestKind::close_statement:
    case RequestKind::close_portal:
      return fail_unit(head, sqlstate);
    case RequestKind::copy_end:  // is never at the head
      return;
  }
}

// "Simple Query": the error ends the whole string; ReadyForQuery follows.
void Conversation::Impl::fail_query(Request& head, std::string_view sqlstate) {
  if (head.failed) return;
  report_query(head, CommandEnd::failed, {}, sqlstate);
  head.answered = true;
  head.failed = true;
  if (copy_ == CopyState::in) doubt_copy_requests();
  copy_ = CopyState::none;
}

// "Extended Query": the server reads and discards messages until a Sync is reached.
void Conversation::Impl::fail_unit(Request& head, std::string_view sqlstate) {
  head.failed = true;
  failure_.open = head.kind != RequestKind::execute;
  if (head.kind == RequestKind::execute) {
    report_execute(head, target_of(0), CommandEnd::failed, {}, sqlstate, server_now_ns_);
    if (Portal* portal = head.tracked ? portals_.find(head.name) : nullptr) portal->executed = true;
    if (copy_ == CopyState::in) doubt_copy_requests();
  } else {
    failure_.sqlstate = sqlstate;
    failure_.when_ns = server_now_ns_;
    blame(head);
  }
  copy_ = CopyState::none;
  drop_to_sync();
}

// What the failed request was to make or to describe; an Execute of just that is the command that
// failed.
void Conversation::Impl::blame(Request& head) {
  failure_.statement_serial = 0;
  failure_.portal_serial = 0;
  if (head.kind == RequestKind::parse || head.kind == RequestKind::describe_statement) {
    failure_.statement_serial = head.statement_serial;
  } else if (head.kind == RequestKind::bind) {
    failure_.portal_serial = head.portal_serial;
  } else if (head.kind == RequestKind::describe_portal && head.tracked) {
    const Portal* portal = portals_.find(head.name);
    failure_.portal_serial = portal == nullptr ? 0 : portal->serial;
  }
}

void Conversation::Impl::drop_to_sync() {
  std::size_t sync = 1;
  for (; sync < queue_.size() && queue_.at(sync).kind != RequestKind::sync; ++sync) {
    if (failure_.open && queue_.at(sync).kind == RequestKind::execute) report_dropped_execute(sync);
  }
  if (sync == queue_.size()) {
    skipping_ = true;
    return;
  }
  drop_front(sync);
  failure_.open = false;
}

// COPY IN has failed. The Syncs sent before the end of its data were most likely read, and ignored,
// by COPY; but when it failed before it read anything (in a trigger, say), they were not, and each
// is answered. Which one it was cannot be seen from here: they are taken for read, and as many more
// ReadyForQuery are let pass until the next command ends.
void Conversation::Impl::doubt_copy_requests() {
  const std::size_t syncs = syncs_behind_head();
  skip_copy_requests();
  spare_ready_ = syncs;
}

}  // namespace parallax::protocol
