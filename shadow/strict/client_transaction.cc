#include "shadow/strict/client_transaction.h"

#include <algorithm>
#include <utility>

namespace parallax::shadow {

namespace {

// The older name is known to every version of the server.
constexpr const char* kSnapshotSql = "SELECT pg_catalog.txid_current_snapshot()::pg_catalog.text";

std::string only_text(const StepResult& step) {
  if (step.result.rows() != 1) return {};
  return std::string(step.result.cell(0, 0).value_or(std::string_view()));
}

}  // namespace

void LoopDoor::post(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (loop_ != nullptr) loop_->post(std::move(task));
}

void LoopDoor::close() {
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
}

ClientTransaction::ClientTransaction(std::shared_ptr<LoopDoor> loop, const Options& options,
                                     StrictDoor& door, const StrictTicket& ticket)
    : loop_(std::move(loop)),
      options_(options),
      door_(door),
      ticket_(ticket),
      self_(std::make_shared<ClientTransaction*>(this)) {}

ClientTransaction::~ClientTransaction() { abort(); }

void ClientTransaction::abort() { *self_ = nullptr; }

StepsRunner ClientTransaction::runner() {
  return {[this](const ReplayContextRef&, std::vector<TransactionStep> steps,
                 ReadOnlyTransaction::Done done, ReadOnlyTransaction::Next next) {
            run(std::move(steps), std::move(done), std::move(next));
          },
          [this] { abort(); }};
}

void ClientTransaction::run(std::vector<TransactionStep> steps, ReadOnlyTransaction::Done done,
                            ReadOnlyTransaction::Next next) {
  done_ = std::move(done);
  next_ = std::move(next);
  end_.reset();
  first_ = true;
  began_with_.clear();
  ended_with_.clear();
  send(std::move(steps), next_ == nullptr);
}

void ClientTransaction::send(std::vector<TransactionStep> steps, bool last) {
  ClientRound round;
  round.ticket = ticket_;
  round.first = std::exchange(first_, false);
  round.last = last;
  if (round.first) round.steps.push_back({kSnapshotSql, {}, false});
  for (TransactionStep& step : steps)
    round.steps.push_back({std::move(step.sql), std::move(step.parameters), step.binary});
  if (last) round.steps.push_back({kSnapshotSql, {}, false});
  round.statement_timeout = options_.statement_timeout;
  round.lock_timeout = options_.lock_timeout;
  round.result_bytes = options_.capture_bytes;
  round.done = [loop = loop_, self = self_, first = round.first, last](ClientRoundEnd end) {
    // std::function must be copyable, and results are large.
    const auto kept = std::make_shared<ClientRoundEnd>(std::move(end));
    loop->post([self, kept, first, last] {
      if (*self != nullptr) (*self)->on_round(first, last, std::move(*kept));
    });
  };
  door_.run(std::move(round));
}

void ClientTransaction::on_round(bool first, bool last, ClientRoundEnd end) {
  if (auto* skip = std::get_if<ClientRoundSkip>(&end)) {
    if (end_) return finish(std::move(*end_));
    return finish(ReplaySkip{skip->reason, std::move(skip->detail)});
  }
  auto results = std::get<std::vector<StepResult>>(std::move(end));
  if (first) {
    began_with_ = only_text(results.front());
    results.erase(results.begin());
  }
  if (last) {
    ended_with_ = only_text(results.back());
    results.pop_back();
  }
  if (end_) return finish(std::move(*end_));
  on_results(std::move(results));
}

void ClientTransaction::on_results(std::vector<StepResult> results) {
  if (next_ == nullptr) return finish(std::move(results));
  const bool failed = std::ranges::any_of(
      results, [](const StepResult& step) { return !step.sqlstate.empty() || !step.ran; });
  auto next = std::exchange(next_, nullptr);
  auto round = next(results);
  if (failed) return finish(std::move(results));  // the savepoint has gone with the error
  if (!round) {
    end_ = std::move(results);
    return send({}, true);
  }
  if (!round->last) next_ = std::move(next);
  send(std::move(round->steps), round->last);
}

// Nothing may follow a call of this: the callback may have destroyed the object.
void ClientTransaction::finish(TransactionEnd end) {
  next_ = nullptr;
  auto done = std::exchange(done_, nullptr);
  done(std::move(end));
}

}  // namespace parallax::shadow
