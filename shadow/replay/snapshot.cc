#include "shadow/replay/snapshot.h"

#include <algorithm>
#include <utility>

#include "shadow/compare/sqlstate.h"

namespace parallax::shadow {

namespace {

// The verdict is settled by this error alone, whatever the other side would give.
bool settles(const StepResult& step) {
  return step.ran && (is_timeout(step.sqlstate) || is_server_trouble(step.sqlstate) ||
                      step.sqlstate == kInsufficientPrivilege);
}

// What the server gives is what is compared.
bool is_whole(const SideRequest& side) {
  return side.statements == nullptr && side.unnest == nullptr;
}

bool failed(const StepResult& step) { return step.ran && !step.sqlstate.empty(); }

}  // namespace

void SnapshotRequest::bind_rewrite(NamedValues values) {
  rewrite.values = std::move(values);
  rewrite.root = rewrite.bind(0, rewrite.values);
}

Snapshot::Snapshot(StepsRunner runner, SnapshotRequest request)
    : runner_(std::move(runner)), request_(std::move(request)) {}

void Snapshot::run(Done done) {
  done_ = std::move(done);
  if (request_.moving) {
    send({Step::legacy_first, Step::rewrite, Step::legacy_second});
  } else if (request_.rewrite_first) {
    send({Step::rewrite, Step::legacy_first, Step::legacy_second});
  } else {
    send({Step::legacy_first, Step::legacy_second, Step::rewrite});
  }
}

void Snapshot::send(std::vector<Step> steps) {
  steps_ = std::move(steps);
  runs_ = {SideRun(request_.legacy), SideRun(request_.legacy), SideRun(request_.rewrite)};
  request_.moving ? plan_one_by_one() : plan_rounds();
  taken_ = false;
  lets_open_ = request_.let.rule != nullptr;
  auto first = lets_open_ ? Round{let_steps(request_.let), false} : next_round();
  const auto done = [this](TransactionEnd end) { on_transaction(std::move(end)); };
  if (first.last) {
    return runner_.run(request_.context, std::move(first.steps), done, nullptr);
  }
  runner_.run(request_.context, std::move(first.steps), done,
              [this](std::vector<StepResult>& results) { return after_round(results); });
}

// Each run as a whole, in the order of the steps: its last level is in a round with the first of
// the next.
void Snapshot::plan_one_by_one() {
  rounds_.assign(1, {});
  next_round_ = 0;
  for (const Step step : steps_) {
    const auto levels = levels_of(side_of(step));
    for (std::size_t level = 0; level < levels.size(); ++level) {
      if (level > 0) rounds_.emplace_back();
      for (const std::size_t statement : levels[level]) rounds_.back().push_back({step, statement});
    }
  }
}

// The runs of legacy go level by level side by side, the rewrite before all of them or behind: the
// last level of the one is in a round with the first of the other.
void Snapshot::plan_rounds() {
  rounds_.assign(1, {});
  next_round_ = 0;
  bool legacy_planned = false;
  for (const Step step : steps_) {
    if (step != Step::rewrite && std::exchange(legacy_planned, true)) continue;
    const auto levels = levels_of(side_of(step));
    for (std::size_t level = 0; level < levels.size(); ++level) {
      if (level > 0) rounds_.emplace_back();
      for (const Step of : steps_) {
        if ((of == Step::rewrite) != (step == Step::rewrite)) continue;
        for (const std::size_t statement : levels[level]) rounds_.back().push_back({of, statement});
      }
    }
  }
}

Snapshot::Round Snapshot::next_round() {
  Round round;
  for (const Statement& statement : rounds_[next_round_]) round.steps.push_back(step_of(statement));
  round.last = ++next_round_ == rounds_.size();
  return round;
}

TransactionStep Snapshot::step_of(const Statement& statement) {
  const auto side = statement.step == Step::rewrite ? Side::rewrite : Side::legacy;
  auto bound = run_of(statement.step).bind(statement.statement);
  TransactionStep step{TransactionStep::Kind::query, std::move(bound.sql),
                       std::move(bound.parameters)};
  // Digests of parts do not tell what they are when they are put together, nor those of JSON what
  // is in it.
  if (is_whole(request_.legacy) && is_whole(request_.rewrite)) {
    step.digest = [this, side](const std::vector<ColumnInfo>& columns) {
      return new_digest(columns, side);
    };
  }
  return step;
}

std::optional<Snapshot::Round> Snapshot::after_round(std::vector<StepResult>& results) {
  if (std::exchange(lets_open_, false)) return after_lets(results);
  take(results);
  taken_ = true;
  if (std::ranges::any_of(runs_, &SideRun::cannot_go_on)) return std::nullopt;
  taken_ = false;
  return next_round();
}

void Snapshot::take(std::vector<StepResult>& results) {
  const auto& round = rounds_[next_round_ - 1];
  for (std::size_t i = 0; i < round.size(); ++i)
    run_of(round[i].step).take(round[i].statement, std::move(results[i]));
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

// False: too much.
bool Snapshot::take_whole_runs() {
  for (const Step step : steps_) {
    auto whole = run_of(step).whole();
    if (!whole) return false;
    result_of(step) = *std::move(whole);
  }
  return true;
}

ResultDigest Snapshot::new_digest(const std::vector<ColumnInfo>& columns, Side side) {
  if (digest_basis_ == nullptr) digest_basis_ = request_.digest_basis();
  return {digest_basis_, columns, side};
}

std::optional<Snapshot::Round> Snapshot::after_lets(const std::vector<StepResult>& lets) {
  auto values = with_lets(request_.let, lets);
  if (auto* failure = std::get_if<LetFailure>(&values)) {
    let_failure_ = std::move(*failure);
    return std::nullopt;
  }
  request_.bind_rewrite(std::get<NamedValues>(std::move(values)));
  return next_round();
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
  if (!taken_) take(std::get<std::vector<StepResult>>(end));
  if (!take_whole_runs()) {
    std::exchange(done_, nullptr)(
        ReplaySkip{SkipReason::too_large, "the rows of a whole side are over the limit"});
    return;
  }
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
  const bool rewrite_before = request_.rewrite_first || request_.moving;
  if (!again_ && rewrite_before && failed(result_.rewrite) && !settles(result_.rewrite)) {
    again_ = true;
    return std::vector{Step::legacy_first, Step::legacy_second, Step::rewrite};
  }
  const bool told = request_.live_sqlstate.empty() && request_.side == Side::legacy;
  if (failed(result_.legacy_first) && !settles(result_.legacy_first) && !result_.rewrite.ran &&
      !told) {
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
