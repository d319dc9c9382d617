// Steps on the client's own connection while its answer is held; and who ends the waiting.

#include <algorithm>
#include <utility>

#include "proxy/strict_gate.h"

namespace parallax::proxy {

namespace {

namespace backend = protocol::backend;
using Piece = protocol::MessagePieces::Piece;

// What a client is told of its session while steps run is little, but nothing bounds it.
constexpr std::size_t kOthersFactor = 2;  // of what may be held

}  // namespace

void StrictGate::timed_out() {
  timer_.reset();
  if (run_ != nullptr) {  // the connection is not the client's yet
    late_ = true;
    if (!run_->running()) close_run();
    return;
  }
  answers_ = 0;
  if (world_.host.strict().options.fail_on_timeout && !refusal_) {
    refusal_ = shadow::StrictRefusal{std::string(shadow::kStrictTimeout),
                                     "parallax: not compared within strict.timeout "
                                     "(strict.on_timeout: allow would let it pass)"};
  }
  decide();
}

void StrictGate::client_ended() {
  client_ended_ = true;
  if (run_ != nullptr) {
    if (!run_->running()) close_run();
  } else if (!busy()) {
    world_.end_client();
  } else if (!injecting()) {
    let_go();
  }
}

void StrictGate::run(shadow::ClientRound round) {
  const bool mine = round.ticket.serial == serial_ &&
                    (phase_ == Phase::deciding || phase_ == Phase::running) && answers_ > 0 &&
                    !client_ended_;
  if (!mine || (run_ != nullptr && run_->running())) {
    return round.done(
        shadow::ClientRoundSkip{shadow::SkipReason::server, "the client waits no longer"});
  }
  if (run_ == nullptr) run_ = std::make_unique<shadow::ClientRun>();
  phase_ = Phase::running;
  world_.to_server(run_->begin(std::move(round), world_.host.now_ns()));
}

void StrictGate::take_run_message(const Piece& piece, std::uint64_t now_ns) {
  // Notices of the steps are not the client's.
  if (piece.type == backend::kNoticeResponse) return;
  if (piece.begins) message_.clear();
  const auto room =
      run_->message_bytes_max() - std::min(message_.size(), run_->message_bytes_max());
  const bool cut = piece.bytes.size() > room;
  const auto bytes = piece.bytes.first(std::min(piece.bytes.size(), room));
  message_.insert(message_.end(), bytes.begin(), bytes.end());
  if (is_asynchronous(piece.type)) {
    const auto most = kOthersFactor * world_.host.strict().held_bytes_max;
    if (cut || held_.size() + message_.size() > most) return end_session(kTooMuchBeside);
    if (!piece.ends) return;
    segments_.push_back({piece.type, held_.size()});
    held_.insert(held_.end(), message_.begin(), message_.end());
    return;
  }
  if (cut) run_->too_large();
  if (!piece.ends) return;
  const auto more = run_->message(piece.type, body(), now_ns);
  if (!more.empty()) return world_.to_server(more);
  if (run_->running()) return;
  phase_ = Phase::deciding;
  if (run_->broken()) return end_session("the transaction could not be brought back");
  if (run_->open()) {
    if (answers_ == 0 || late_ || client_ended_) close_run();
    return;  // another round will come
  }
  run_.reset();
  run_ended();
}

void StrictGate::run_ended() {
  if (client_ended_) return let_go();
  if (late_) return timed_out();
  if (answers_ == 0) decide();
}

// No other round will come.
void StrictGate::close_run() {
  shadow::ClientRound round;  // without steps: it only rolls back
  round.first = false;
  round.done = [](const shadow::ClientRoundEnd&) {};
  phase_ = Phase::running;
  world_.to_server(run_->begin(std::move(round), world_.host.now_ns()));
}

}  // namespace parallax::proxy
