#include "shadow/replay/operation_replay.h"

#include <utility>
#include <vector>

namespace parallax::shadow {

OperationReplay::OperationReplay(io::Loop& loop, const Options& options, ReplayRequest request)
    : request_(std::move(request)), transaction_(loop, options) {}

void OperationReplay::run(Connection& connection, SettlesLive settles, Done done) {
  runner_ = {
      [this, &connection](const ReplayContextRef& context, std::vector<TransactionStep> steps,
                          ReadOnlyTransaction::Done end, ReadOnlyTransaction::Next next) {
        transaction_.run(connection, context, std::move(steps), std::move(end), std::move(next));
      },
      [this] { transaction_.abort(); }};
  settles_ = std::move(settles);
  done_ = std::move(done);
  if (request_.live) {
    run_live();
  } else {
    run_snapshot();
  }
}

void OperationReplay::run_for_client(StepsRunner runner, Done done) {
  runner_ = std::move(runner);
  done_ = std::move(done);
  request_.snapshot.moving = true;
  run_snapshot();
}

void OperationReplay::abort() { runner_.abort(); }

void OperationReplay::run_live() {
  const auto& snapshot = request_.snapshot;
  const auto done = [this](TransactionEnd end) { on_live(std::move(end)); };
  if (snapshot.let.rule == nullptr) {
    return runner_.run(snapshot.context, {live_step()}, done, nullptr);
  }
  runner_.run(snapshot.context, let_steps(snapshot.let), done,
              [this](std::vector<StepResult>& lets) { return after_lets(lets); });
}

TransactionStep OperationReplay::live_step() const {
  const auto& snapshot = request_.snapshot;
  const Side side = other(snapshot.side);
  const auto& shadow = (side == Side::legacy ? snapshot.legacy : snapshot.rewrite).root;
  // Over the limit it settles nothing, but it is read to its end, so that the snapshot has a
  // connection.
  return {TransactionStep::Kind::query, shadow.sql, shadow.parameters, request_.binary_live,
          [this, side](const std::vector<ColumnInfo>& columns) {
            return ResultDigest(request_.snapshot.digest_basis(), columns, side);
          }};
}

std::optional<ReadOnlyTransaction::Round> OperationReplay::after_lets(
    const std::vector<StepResult>& lets) {
  auto values = with_lets(request_.snapshot.let, lets);
  auto* known = std::get_if<NamedValues>(&values);
  if (known == nullptr) {
    let_failed_ = true;
    return std::nullopt;
  }
  request_.snapshot.bind_rewrite(std::move(*known));
  return ReadOnlyTransaction::Round{{live_step()}};
}

void OperationReplay::on_live(TransactionEnd end) {
  if (auto* skip = std::get_if<ReplaySkip>(&end)) {
    std::exchange(done_, nullptr)(std::move(*skip));
    return;
  }
  if (let_failed_) return run_snapshot();  // where an error has its place
  if (settles_(std::get<std::vector<StepResult>>(end).front())) {
    std::exchange(done_, nullptr)(SettledLive{});
    return;
  }
  run_snapshot();
}

void OperationReplay::run_snapshot() {
  // What may run again is kept.
  snapshot_ = std::make_unique<Snapshot>(
      runner_, request_.snapshot.moving ? request_.snapshot : std::move(request_.snapshot));
  snapshot_->run([this](SnapshotEnd end) {
    const auto done = request_.snapshot.moving ? done_ : std::exchange(done_, nullptr);
    if (auto* skip = std::get_if<ReplaySkip>(&end)) {
      done(std::move(*skip));
    } else {
      done(std::move(std::get<SnapshotResult>(end)));
    }
  });
}

}  // namespace parallax::shadow
