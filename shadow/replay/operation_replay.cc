#include "shadow/replay/operation_replay.h"

#include <utility>
#include <vector>

namespace parallax::shadow {

OperationReplay::OperationReplay(io::Loop& loop, const Options& options, ReplayRequest request)
    : loop_(loop), options_(options), request_(std::move(request)), alone_(loop, options) {}

void OperationReplay::run(Connection& connection, SettlesLive settles, Done done) {
  connection_ = &connection;
  settles_ = std::move(settles);
  done_ = std::move(done);
  if (request_.live) {
    run_live();
  } else {
    run_snapshot();
  }
}

void OperationReplay::abort() {
  alone_.abort();
  if (snapshot_ != nullptr) snapshot_->abort();
}

void OperationReplay::run_live() {
  const auto& rewrite = request_.snapshot.rewrite;
  std::vector<TransactionStep> steps;
  steps.push_back(
      {TransactionStep::Kind::query, rewrite.sql, rewrite.parameters, request_.binary_live});
  alone_.run(*connection_, request_.snapshot.context, std::move(steps),
             [this](TransactionEnd end) { on_live(std::move(end)); });
}

void OperationReplay::on_live(TransactionEnd end) {
  if (auto* skip = std::get_if<ReplaySkip>(&end)) {
    std::exchange(done_, nullptr)(std::move(*skip));
    return;
  }
  if (settles_(std::get<std::vector<StepResult>>(end).front())) {
    std::exchange(done_, nullptr)(SettledLive{});
    return;
  }
  run_snapshot();
}

void OperationReplay::run_snapshot() {
  snapshot_ = std::make_unique<Snapshot>(loop_, options_, std::move(request_.snapshot));
  snapshot_->run(*connection_, [this](SnapshotEnd end) {
    auto done = std::exchange(done_, nullptr);
    if (auto* skip = std::get_if<ReplaySkip>(&end)) {
      done(std::move(*skip));
    } else {
      done(std::move(std::get<SnapshotResult>(end)));
    }
  });
}

}  // namespace parallax::shadow
