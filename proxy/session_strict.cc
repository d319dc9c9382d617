// Strict mode in a session: see StrictGate.

#include <utility>

#include "proxy/session.h"

namespace parallax::proxy {

// A gate comes and goes where both directions stand between two messages and nothing is
// outstanding.
bool Session::gated() {
  auto* tap = observer_ == nullptr ? nullptr : observer_->strict();
  if (tap == nullptr || state_ != State::relaying) return false;
  const bool wanted = tap->may_hold();
  if (wanted != (gate_ != nullptr) && conversation_->idle()) {
    if (wanted) {
      make_gate();
    } else {
      gate_.reset();
    }
  }
  return gate_ != nullptr;
}

void Session::make_gate() {
  gate_ = std::make_unique<StrictGate>(
      StrictGate::World{.conversation = *conversation_,
                        .tap = *observer_->strict(),
                        .host = host_,
                        .session_id = id_,
                        .held_statements = held_statements_,
                        .to_client = [this](protocol::Bytes bytes) { relay_to_client(bytes); },
                        .to_server = [this](protocol::Bytes bytes) { relay_to_server(bytes); },
                        .pause_client = [this] { client_->pause_reading(); },
                        .resume_client =
                            [this] {
                              if (!client_ended_ && !to_server_->paused())
                                client_->resume_reading();
                            },
                        .end_client = [this] { to_server_->end(); },
                        .broken =
                            [this](const std::string& why) {
                              host_.later([this, alive = std::weak_ptr(alive_), why] {
                                if (!alive.expired()) close(CloseReason::strict_failed, why);
                              });
                            }});
}

void Session::relay_to_server(io::Bytes bytes) {
  to_server_->forward(bytes);
  host_.shard().add(host_.metrics().bytes_to_server, bytes.size());
}

void Session::relay_to_client(io::Bytes bytes) {
  if (bytes.empty() || client_broken_) return;
  to_client_->forward(bytes);
  host_.shard().add(host_.metrics().bytes_to_client, bytes.size());
}

void Session::strict_answer(shadow::StrictAnswer answer) {
  if (gate_ != nullptr) gate_->answer(std::move(answer));
  if (draining_) try_to_finish_drain();
}

void Session::strict_run(shadow::ClientRound round) {
  if (gate_ != nullptr) return gate_->run(std::move(round));
  round.done(shadow::ClientRoundSkip{shadow::SkipReason::server, "the client waits no longer"});
}

void Session::let_go() {
  if (gate_ == nullptr || observer_->strict()->may_hold()) return;
  // Where rows are missing the client gets an error when the server has said the rest.
  if (gate_->can_let_go()) gate_->let_go();
}

}  // namespace parallax::proxy
