#include "proxy/strict_gate.h"

#include <algorithm>
#include <utility>

#include "protocol/build.h"
#include "protocol/messages.h"

namespace parallax::proxy {

namespace {

namespace backend = protocol::backend;
namespace frontend = protocol::frontend;
using Piece = protocol::MessagePieces::Piece;

constexpr std::size_t kHeaderBytes = 5;

// Of the answer itself: what an error takes the place of.
bool is_answer(char type) {
  return type == backend::kRowDescription || type == backend::kDataRow ||
         type == backend::kCommandComplete || type == backend::kPortalSuspended ||
         type == backend::kReadyForQuery;
}

shadow::StrictRefusal too_large_refusal() {
  return {std::string(shadow::kStrictUncompared),
          "parallax: not compared: the answer is too large to be held"};
}

void append(std::vector<std::byte>& to, protocol::Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

bool StrictGate::is_asynchronous(char type) {
  return type == backend::kNoticeResponse || type == backend::kNotificationResponse ||
         type == backend::kParameterStatus;
}

void StrictGate::client_bytes(protocol::Bytes chunk, std::uint64_t now_ns) {
  if (busy()) {
    world_.pause_client();
    return append(waiting_, chunk);
  }
  protocol::Bytes rest = chunk;
  while (!rest.empty()) {
    const Piece piece = client_pieces_.next(rest);
    world_.conversation.client_bytes(piece.bytes, now_ns);
    if (!piece.ends || (piece.type != frontend::kQuery && piece.type != frontend::kExecute))
      continue;
    auto notes = world_.conversation.last_sent();
    if (client_ended_ || !notes.any() || !world_.tap.holds(notes)) continue;
    append(waiting_, rest);
    return hold(std::move(notes), piece.type == frontend::kQuery,
                chunk.first(chunk.size() - rest.size()), now_ns);
  }
  world_.to_server(chunk);
}

// The Sync of an Execute waits behind it, so the server is asked for its answer.
void StrictGate::hold(protocol::CommandNotes notes, bool simple, protocol::Bytes passed,
                      std::uint64_t now_ns) {
  notes_ = std::move(notes);
  simple_ = simple;
  serial_ = ++world_.held_statements;
  sent_ns_ = now_ns;
  phase_ = Phase::sent;
  world_.pause_client();
  std::vector<std::byte> out(passed.begin(), passed.end());
  if (!simple) protocol::append_flush(out);
  world_.to_server(out);
}

void StrictGate::server_bytes(protocol::Bytes chunk, std::uint64_t now_ns) {
  while (!chunk.empty()) {
    if (world_.conversation.lost() && busy() && !injecting()) let_go();
    if (phase_ == Phase::passing) return pass_to_client(chunk, now_ns);
    server_piece(server_pieces_.next(chunk), now_ns);
  }
}

void StrictGate::pass_to_client(protocol::Bytes chunk, std::uint64_t now_ns) {
  for (protocol::Bytes rest = chunk; !rest.empty();) server_pieces_.next(rest);
  tell_client(chunk);
  world_.conversation.server_bytes(chunk, now_ns);
}

void StrictGate::server_piece(const Piece& piece, std::uint64_t now_ns) {
  switch (phase_) {
    case Phase::passing:
      return;
    case Phase::sent:
      return await_answer(piece, now_ns);
    case Phase::holding:
    case Phase::deciding:
      return keep(piece, now_ns);
    case Phase::running:
      return take_run_message(piece, now_ns);
    case Phase::raising:
      return take_raised(piece, now_ns);
    case Phase::broken:
      return;
  }
}

// Answers to what the client has sent before come first.
void StrictGate::await_answer(const Piece& piece, std::uint64_t now_ns) {
  if (piece.begins && !is_asynchronous(piece.type) && world_.conversation.answering() == notes_) {
    phase_ = Phase::holding;
    return keep(piece, now_ns);
  }
  tell_client(piece.bytes);
  world_.conversation.server_bytes(piece.bytes, now_ns);
  // An error before it has made the server pass over it; or it was not what it seemed.
  if (piece.ends && !world_.conversation.answer_expected()) end_hold();
}

void StrictGate::keep(const Piece& piece, std::uint64_t now_ns) {
  if (too_large_ && !is_answer(piece.type)) return pass_over(piece, now_ns);
  if (piece.begins) segments_.push_back({piece.type, held_.size()});
  const bool ends_it = piece.type == backend::kCommandComplete ||
                       piece.type == backend::kPortalSuspended ||
                       piece.type == backend::kReadyForQuery ||
                       piece.type == backend::kErrorResponse || phase_ == Phase::deciding;
  const bool show = shown_ == held_.size() && !ends_it;
  if (show) world_.conversation.server_bytes(piece.bytes, now_ns);
  if (too_large_ && piece.type == backend::kDataRow) {
    if (piece.begins) segments_.pop_back();
    return;
  }
  append(held_, piece.bytes);
  if (show) shown_ = held_.size();
  // Whatever it is: a statement may raise notices without end.
  const bool over = !too_large_ && held_.size() > world_.host.strict().held_bytes_max;
  if (over && !overflowed()) return;
  if (piece.ends) kept(piece.type, now_ns);
}

// The client gets an error in the answer's place, or the server's own, whatever comes.
void StrictGate::pass_over(const Piece& piece, std::uint64_t now_ns) {
  tell_client(piece.bytes);
  world_.conversation.server_bytes(piece.bytes, now_ns);
  if (piece.ends) kept(piece.type, now_ns);
}

void StrictGate::kept(char type, std::uint64_t now_ns) {
  switch (type) {
    case backend::kCommandComplete:
      completed_ = true;
      if (!simple_) complete(now_ns);
      return;
    case backend::kReadyForQuery:
      return completed_ ? complete(now_ns) : let_go();
    case backend::kRowDescription:
    case backend::kDataRow:
    case backend::kNoticeResponse:
    case backend::kNotificationResponse:
    case backend::kParameterStatus:
      return;
    case backend::kErrorResponse:
      return too_large_ ? pass_error() : let_go();
    case backend::kPortalSuspended:
      return too_large_ ? refuse(too_large_refusal()) : let_go();
    default:  // nothing that could be compared
      return let_go();
  }
}

// Rows are thrown away, and what is no answer goes. False: nothing is held any more.
bool StrictGate::overflowed() {
  if (run_ != nullptr) {  // between two rounds
    end_session(kTooMuchBeside);
    return false;
  }
  if (!world_.host.strict().options.fail_uncompared) {
    let_go();
    return false;
  }
  too_large_ = true;
  if (phase_ == Phase::deciding && !refusal_) refusal_ = too_large_refusal();
  pass_others();
  std::vector<std::byte> kept;
  std::vector<Segment> segments;
  std::size_t shown = 0;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    if (segment.type == backend::kDataRow || !is_answer(segment.type)) continue;
    const std::size_t end = i + 1 < segments_.size() ? segments_[i + 1].begin : held_.size();
    segments.push_back({segment.type, kept.size()});
    append(kept, protocol::Bytes(held_).subspan(segment.begin, end - segment.begin));
    if (segment.begin < shown_) shown = kept.size();
  }
  held_ = std::move(kept);
  segments_ = std::move(segments);
  shown_ = shown;
  return true;
}

std::string_view StrictGate::tag() const {
  const auto segment = std::ranges::find(segments_, backend::kCommandComplete, &Segment::type);
  if (segment == segments_.end()) return {};
  const auto text =
      protocol::as_text(protocol::Bytes(held_).subspan(segment->begin + kHeaderBytes));
  return text.substr(0, text.find('\0'));
}

void StrictGate::complete(std::uint64_t now_ns) {
  phase_ = Phase::deciding;
  const shadow::StrictTicket ticket{
      .worker = world_.host.index(),
      .session_id = world_.session_id,
      .serial = serial_,
      .in_transaction = world_.conversation.transaction_status() == 'T'};
  auto held =
      world_.tap.complete(notes_, tag(), ticket, static_cast<double>(now_ns - sent_ns_) * 1e-9);
  answers_ = held.answers;
  refusal_ = std::move(held.refusal);
  if (too_large_ && !refusal_) {
    refusal_ = too_large_refusal();
  }
  if (answers_ == 0) return decide();
  late_ = false;
  timer_ = world_.host.after(world_.host.strict().options.timeout, [this] { timed_out(); });
}

void StrictGate::answer(shadow::StrictAnswer answer) {
  if (answer.ticket.serial != serial_ || answers_ == 0) return;
  if (answer.refusal && !refusal_) refusal_ = std::move(answer.refusal);
  answers_ -= std::min(answers_, answer.offers);
  if (answers_ > 0) return;
  if (run_ == nullptr) return decide();
  if (!run_->running()) close_run();
}

// True when the message is whole.
bool StrictGate::assemble(const Piece& piece) {
  if (piece.begins) message_.clear();
  append(message_, piece.bytes);
  return piece.ends;
}

void StrictGate::decide() {
  timer_.reset();
  if (refusal_ && (too_large_ || world_.tap.may_hold())) return refuse(*refusal_);
  let_go();
}

void StrictGate::let_go() {
  if (too_large_ && !client_ended_)
    return end_session("an answer too large to be held cannot go on");
  cut_ = cut_ || too_large_;
  tell_client(held_);
  const auto rest = protocol::Bytes(held_).subspan(shown_);
  if (!rest.empty()) world_.conversation.server_bytes(rest, world_.host.now_ns());
  end_hold();
}

// What is held and no part of the answer.
void StrictGate::pass_others() {
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (is_answer(segments_[i].type)) continue;
    const std::size_t end = i + 1 < segments_.size() ? segments_[i + 1].begin : held_.size();
    const auto bytes = protocol::Bytes(held_).subspan(segments_[i].begin, end - segments_[i].begin);
    tell_client(bytes);
    if (segments_[i].begin >= shown_) world_.conversation.server_bytes(bytes, world_.host.now_ns());
  }
}

// The server's own error says that there is no answer.
void StrictGate::pass_error() {
  pass_others();
  end_hold();
}

void StrictGate::refuse(const shadow::StrictRefusal& refusal) {
  pass_others();
  phase_ = Phase::raising;
  world_.to_server(simple_ ? shadow::raise_by_query(refusal) : shadow::raise_by_execute(refusal));
}

void StrictGate::take_raised(const Piece& piece, std::uint64_t now_ns) {
  if (!assemble(piece)) return;
  const bool ends =
      simple_ ? piece.type == backend::kReadyForQuery : piece.type == backend::kErrorResponse;
  if (piece.type == backend::kCommandComplete)
    return end_session("the server did not raise the error that it was asked for");
  // Among the asynchronous ones: the settings that the error has undone.
  if (piece.type != backend::kErrorResponse && piece.type != backend::kReadyForQuery &&
      !is_asynchronous(piece.type)) {
    return;
  }
  tell_client(message_);
  world_.conversation.server_bytes(message_, now_ns);
  if (ends) end_hold();
}

// Nothing passes any more until the session ends.
void StrictGate::end_session(const std::string& why) {
  phase_ = Phase::broken;
  timer_.reset();
  answers_ = 0;
  world_.broken(why);
}

void StrictGate::end_hold() {
  phase_ = Phase::passing;
  timer_.reset();
  notes_ = {};
  held_.clear();
  held_.shrink_to_fit();
  segments_.clear();
  shown_ = 0;
  completed_ = false;
  too_large_ = false;
  answers_ = 0;
  refusal_.reset();
  const auto waiting = std::exchange(waiting_, {});
  if (!waiting.empty()) client_bytes(waiting, world_.host.now_ns());
  if (busy()) return;
  if (client_ended_) {
    world_.end_client();
  } else {
    world_.resume_client();
  }
}

}  // namespace parallax::proxy
