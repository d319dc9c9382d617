#include "shadow/outcome_counter.h"

#include <variant>

#include "shadow/compare/sqlstate.h"

namespace parallax::shadow {

namespace {

template <typename Enum>
std::size_t index_of(Enum value) {
  return static_cast<std::size_t>(value);
}

bool has_result(const StepResult& step) { return step.ran && step.sqlstate.empty(); }

}  // namespace

void OutcomeCounter::ended(const Outcome& outcome) {
  const auto& rule = metrics_.of(*outcome.rule);
  if (const auto* found = std::get_if<Verdict>(&outcome.end)) {
    verdict(rule, outcome, *found);
  } else if (const auto* skip = std::get_if<SkipReason>(&outcome.end)) {
    shard_.add(rule.skipped[index_of(*skip)]);
  } else if (const auto* drop = std::get_if<DropReason>(&outcome.end)) {
    shard_.add(rule.dropped[index_of(*drop)]);
  }
  shard_.add(rule.in_flight, -1);
}

void OutcomeCounter::verdict(const RuleMetrics& rule, const Outcome& outcome, Verdict verdict) {
  shard_.add(rule.verdicts[index_of(verdict)]);
  switch (verdict) {
    case Verdict::mismatch:
      if (outcome.kind) shard_.add(rule.mismatches[index_of(*outcome.kind)]);
      return;
    case Verdict::match:
      if (outcome.vacuous) shard_.add(rule.vacuous_matches);
      for (const auto step : outcome.steps) shard_.add(rule.equalized[index_of(step)]);
      return;
    case Verdict::rewrite_error:
    case Verdict::unstable:
    case Verdict::race:
    case Verdict::expected:
    case Verdict::timeout:
      return;
  }
}

void OutcomeCounter::replayed(const Rule& rule, const SnapshotResult& snapshot) {
  // A rewrite that ran into its time limit took at least so long: without it the slowest would be
  // missing. Not where it ran first: what legacy would have taken is not known.
  if (!has_result(snapshot.legacy_first)) return;
  const bool cut = snapshot.rewrite.ran && snapshot.rewrite.sqlstate == kQueryCanceled;
  if (!cut && (!has_result(snapshot.legacy_second) || !has_result(snapshot.rewrite))) return;
  const auto& metrics = metrics_.of(rule);
  shard_.observe(metrics.of(Side::legacy).paired_duration, snapshot.legacy_first.seconds);
  shard_.observe(metrics.of(Side::rewrite).paired_duration, snapshot.rewrite.seconds);
}

}  // namespace parallax::shadow
