#include "shadow/shadow_metrics.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <utility>

#include "shadow/outcome_counter.h"

namespace parallax::shadow {
namespace {

RuleSource source(const std::string& name, const std::string& table) {
  RuleSource out;
  out.name.text = name;
  out.legacy.front().sql.text = "SELECT \"id\" FROM \"" + table + "\" WHERE \"id\" = :id";
  out.rewrite.front().sql.text = "select \"id\" from \"" + table + "\" where \"id\" = :id";
  return out;
}

RuleSet rules_of(std::vector<RuleSource> sources) {
  auto compiled = RuleSet::compile(std::move(sources));
  if (const auto* problems = std::get_if<std::vector<ConfigProblem>>(&compiled)) {
    FAIL(problems->front().text());
  }
  return std::get<RuleSet>(std::move(compiled));
}

// Lines of the exposition that start a series of this metric with these labels.
std::size_t series(const std::string& text, const std::string& start) {
  std::size_t out = 0;
  for (std::size_t at = text.find(start); at != std::string::npos; at = text.find(start, at + 1)) {
    if (at == 0 || text[at - 1] == '\n') ++out;
  }
  return out;
}

TEST_CASE("every series of every rule exists at 0 from load") {
  metrics::Registry registry;
  const RuleSet rules = rules_of({source("first", "users"), source("second", "roles")});
  const ShadowMetrics metrics(registry, rules);
  const std::string text = registry.text();
  for (const char* rule : {"first", "second"}) {
    const auto count = [&](const std::string& metric) {
      return series(text, "parallax_" + metric + "{rule=\"" + rule + "\"");
    };
    CHECK(count("operations_total") == 1);
    CHECK(count("verdicts_total") == kVerdicts.size());
    CHECK(count("skipped_total") == kSkipReasons.size());
    CHECK(count("dropped_total") == kDropReasons.size());
    CHECK(count("in_flight") == 1);
    CHECK(count("mismatches_total") == kMismatchKinds.size());
    CHECK(count("vacuous_matches_total") == 1);
    CHECK(count("equalized_total") == kEqualSteps.size());
    CHECK(count("rule_statements_total") == 2);
    CHECK(count("live_duration_seconds_count") == 2);
    CHECK(count("paired_duration_seconds_count") == 2);
  }
  CHECK(series(text, "parallax_statements_total{") == 4);
  CHECK(series(text, "parallax_comparison_duration_seconds_count") == 1);
}

// Without them the slowest would be missing, and the rewrite would look as fast as legacy.
TEST_CASE("a rewrite that ran into its time limit counts in the latency of both sides") {
  metrics::Registry registry;
  const RuleSet rules = rules_of({source("first", "users")});
  const ShadowMetrics metrics(registry, rules);
  OutcomeCounter counter(metrics, registry.make_shard());
  const Rule& rule = *rules.rules()[0];
  const auto seen = [&](Side side) {
    return registry.value(metrics.of(rule).of(side).paired_duration).seconds;
  };
  SnapshotResult snapshot;
  snapshot.legacy_first.ran = snapshot.rewrite.ran = true;
  snapshot.legacy_first.seconds = 0.25;
  snapshot.rewrite.seconds = 2;
  snapshot.rewrite.sqlstate = "42703";
  counter.replayed(rule, snapshot);
  CHECK(seen(Side::rewrite) == 0);
  snapshot.rewrite.sqlstate = "57014";
  counter.replayed(rule, snapshot);
  CHECK(seen(Side::legacy) == 0.25);
  CHECK(seen(Side::rewrite) == 2);
  // It ran first, and legacy not at all: there is no pair.
  snapshot.legacy_first = {};
  counter.replayed(rule, snapshot);
  CHECK(seen(Side::legacy) == 0.25);
  CHECK(seen(Side::rewrite) == 2);
}

TEST_CASE("handles write the series of their value") {
  metrics::Registry registry;
  const RuleSet rules = rules_of({source("first", "users"), source("second", "roles")});
  const ShadowMetrics metrics(registry, rules);
  metrics::Shard& shard = registry.make_shard();
  const RuleMetrics& second = metrics.of(*rules.rules()[1]);
  shard.add(second.skipped[static_cast<std::size_t>(SkipReason::txn_wrote)], 3);
  shard.add(second.mismatches[static_cast<std::size_t>(MismatchKind::null)], 4);
  shard.add(second.dropped[static_cast<std::size_t>(DropReason::drain)], 5);
  shard.observe(second.of(Side::rewrite).paired_duration, 0.001);
  shard.add(metrics.statements[1][0], 6);
  const std::string text = registry.text();
  const auto has = [&text](const std::string& line) { return series(text, line + "\n") == 1; };
  CHECK(has("parallax_skipped_total{rule=\"second\",reason=\"txn_wrote\"} 3"));
  CHECK(has("parallax_mismatches_total{rule=\"second\",kind=\"null\"} 4"));
  CHECK(has("parallax_dropped_total{rule=\"second\",reason=\"drain\"} 5"));
  CHECK(has("parallax_paired_duration_seconds_count{rule=\"second\",side=\"rewrite\"} 1"));
  CHECK(has("parallax_paired_duration_seconds_count{rule=\"second\",side=\"legacy\"} 0"));
  CHECK(has("parallax_statements_total{protocol=\"extended\",covered=\"no\"} 6"));
  CHECK(has("parallax_skipped_total{rule=\"first\",reason=\"txn_wrote\"} 0"));
}

}  // namespace
}  // namespace parallax::shadow
