#include "shadow/replay/snapshot.h"

#include <utility>

namespace parallax::shadow {

namespace {

// The verdict is settled by this error alone, whatever the other side would give.
bool settles(const StepResult& step) {
  return step.ran && (is_timeout(step.sqlstate) || is_server_trouble(step.sqlstate) ||
                      step.sqlstate == "42501");
}

bool failed(const StepResult& step) { return step.ran && !step.sqlstate.empty(); }

}  // namespace

void SnapshotRequest::bind_rewrite(const Rule& of, const NamedValues& values) {
  if (of.lets.empty()) {
    rewrite = of.bind_rewrite(values);
  } else {
    let = {&of, values};
  }
}

Snapshot::Snapshot(io::Loop& loop, const Options& options, SnapshotRequest request)
    : transaction_(loop, options), request_(std::move(request)) {}

void Snapshot::run(Connection& connection, Done done) {
  connection_ = &connection;
  done_ = std::move(done);
  if (request_.rewrite_first) {
    send({Step::rewrite, Step::legacy_first, Step::legacy_second});
  } else {
    send({Step::legacy_first, Step::legacy_second, Step::rewrite});
  }
}

StepResult& Snapshot::result_of(Step step) {
  switch (step) {
    case Step::legacy_first:
      return result_.legacy_first;
    case Step::legacy_second:
      return result_.legacy_second;
    case Step::rewrite:
      break;
  }
  return result_.rewrite;
}

void Snapshot::send(std::vector<Step> steps) {
  steps_ = std::move(steps);
  const auto done = [this](TransactionEnd end) { on_transaction(std::move(end)); };
  if (request_.let.rule == nullptr) {
    return transaction_.run(*connection_, request_.context, statements(), done);
  }
  transaction_.run(*connection_, request_.context, let_steps(request_.let), done,
                   [this](const std::vector<StepResult>& lets) { return after_lets(lets); });
}

std::vector<TransactionStep> Snapshot::statements() {
  std::vector<TransactionStep> statements;
  for (const auto step : steps_) {
    const auto side =
        step == Step::rewrite ? ResultDigest::Side::rewrite : ResultDigest::Side::legacy;
    const auto& bound = side == ResultDigest::Side::rewrite ? request_.rewrite : request_.legacy;
    statements.push_back({TransactionStep::Kind::query, bound.sql, bound.parameters, false,
                          [this, side](const std::vector<ColumnInfo>& columns) {
                            return new_digest(columns, side);
                          }});
  }
  return statements;
}

ResultDigest Snapshot::new_digest(const std::vector<ColumnInfo>& columns, ResultDigest::Side side) {
  if (digest_basis_ == nullptr) digest_basis_ = request_.digest_basis();
  return {digest_basis_, columns, side};
}

std::optional<std::vector<TransactionStep>> Snapshot::after_lets(
    const std::vector<StepResult>& lets) {
  auto bound = bind_with_lets(request_.let, lets);
  if (auto* failure = std::get_if<LetFailure>(&bound)) {
    let_failure_ = std::move(*failure);
    return std::nullopt;
  }
  request_.rewrite = std::get<BoundStatement>(std::move(bound));
  return statements();
}

// Without the value of a let there is no rewrite to run, and nothing is known of it.
void Snapshot::end_without_let() {
  const LetFailure failure = std::move(*let_failure_);
  auto done = std::exchange(done_, nullptr);
  if (!settles(failure.step)) return done(ReplaySkip{SkipReason::context, failure.detail});
  result_ = {};
  result_.rewrite = failure.step;
  done(std::move(result_));
}

void Snapshot::on_transaction(TransactionEnd end) {
  if (auto* skip = std::get_if<ReplaySkip>(&end)) {
    std::exchange(done_, nullptr)(std::move(*skip));
    return;
  }
  if (let_failure_) return end_without_let();
  auto& results = std::get<std::vector<StepResult>>(end);
  for (std::size_t i = 0; i < steps_.size(); ++i) result_of(steps_[i]) = std::move(results[i]);
  if (auto steps = next_steps()) {
    send(std::move(*steps));
  } else {
    std::exchange(done_, nullptr)(std::move(result_));
  }
}

// The rewrite has run in a transaction of its own, with legacy behind it.
void Snapshot::settle_legacy() {
  if (!result_.legacy_first.ran) {
    // The rewrite failed and took legacy with it: legacy's own error is the earlier one.
    result_.legacy_first = std::exchange(result_.legacy_second, {});
  } else if (failed(result_.legacy_first)) {
    result_.legacy_second = {};
  }
}

// A step that failed has ended its transaction, so what comes after it needs another one.
std::optional<std::vector<Snapshot::Step>> Snapshot::next_steps() {
  const bool alone = std::exchange(alone_, false);
  if (alone) {
    settle_legacy();
    return std::nullopt;
  }
  if (!again_ && request_.rewrite_first && failed(result_.rewrite) && !settles(result_.rewrite)) {
    again_ = true;
    return std::vector{Step::legacy_first, Step::legacy_second, Step::rewrite};
  }
  if (failed(result_.legacy_first) && !settles(result_.legacy_first) && !result_.rewrite.ran &&
      !request_.live_sqlstate.empty()) {
    // Legacy once more behind the rewrite, so that a success of the rewrite and the error of legacy
    // come from one snapshot. When legacy works now, its two runs have differed: that is what its
    // second result then says.
    result_.legacy_second = std::exchange(result_.legacy_first, {});
    alone_ = true;
    return std::vector{Step::rewrite, Step::legacy_first};
  }
  return std::nullopt;
}

}  // namespace parallax::shadow
