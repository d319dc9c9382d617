#include "shadow/shadow_metrics.h"

#include <cstddef>
#include <string>

namespace parallax::shadow {
namespace {

using metrics::Metric;

// One counter for each value of a closed set, placed by enum value.
template <typename Value, std::size_t kSize>
std::array<metrics::Counter, kSize> counters(metrics::Registry& registry, Metric metric,
                                             const std::string& rule,
                                             const std::array<Value, kSize>& values) {
  std::array<metrics::Counter, kSize> out;
  for (const Value value : values) {
    out[static_cast<std::size_t>(value)] =
        registry.counter(metric, {rule, std::string(name(value))});
  }
  return out;
}

RuleMetrics add_rule(metrics::Registry& registry, const std::string& rule) {
  RuleMetrics out;
  out.operations = registry.counter(Metric::operations_total, {rule});
  out.verdicts = counters(registry, Metric::verdicts_total, rule, kVerdicts);
  out.skipped = counters(registry, Metric::skipped_total, rule, kSkipReasons);
  out.dropped = counters(registry, Metric::dropped_total, rule, kDropReasons);
  out.in_flight = registry.gauge(Metric::in_flight, {rule});
  out.mismatches = counters(registry, Metric::mismatches_total, rule, kMismatchKinds);
  out.vacuous_matches = registry.counter(Metric::vacuous_matches_total, {rule});
  out.unknown_tagged = registry.counter(Metric::unknown_tagged_total, {rule});
  out.equalized = counters(registry, Metric::equalized_total, rule, kEqualSteps);
  for (const Side side : kSides) {
    const std::string label(name(side));
    out.sides[static_cast<std::size_t>(side)] = {
        registry.counter(Metric::rule_statements_total, {rule, label}),
        registry.histogram(Metric::live_duration_seconds, {rule, label}),
        registry.histogram(Metric::paired_duration_seconds, {rule, label})};
  }
  return out;
}

}  // namespace

ShadowMetrics::ShadowMetrics(metrics::Registry& registry, const RuleSet& rule_set)
    : rules(rule_set.rules().size()) {
  for (const auto& rule : rule_set.rules()) rules[rule->index] = add_rule(registry, rule->name);
  for (const OrphanReason reason : kOrphanReasons) {
    orphans[static_cast<std::size_t>(reason)] =
        registry.counter(Metric::orphan_statements_total, {std::string(name(reason))});
  }
  constexpr std::array kProtocols = {"simple", "extended"};
  constexpr std::array kCovered = {"no", "yes"};
  for (std::size_t protocol = 0; protocol < kProtocols.size(); ++protocol) {
    for (std::size_t covered = 0; covered < kCovered.size(); ++covered) {
      statements[protocol][covered] =
          registry.counter(Metric::statements_total, {kProtocols[protocol], kCovered[covered]});
    }
  }
  comparison_duration = registry.histogram(Metric::comparison_duration_seconds);
}

}  // namespace parallax::shadow
