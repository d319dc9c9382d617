#pragma once

// Handles of all series that the taps and the engine write, resolved once.

#include <array>
#include <vector>

#include "metrics/registry.h"
#include "shadow/rules/rule.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

struct SideMetrics {
  metrics::Counter statements;       // as seen on the wire
  metrics::Histogram live_duration;  // of an operation
  metrics::Histogram paired_duration;
};

struct RuleMetrics {
  metrics::Counter operations;
  std::array<metrics::Counter, kVerdicts.size()> verdicts;    // by enum value
  std::array<metrics::Counter, kSkipReasons.size()> skipped;  // by enum value
  std::array<metrics::Counter, kDropReasons.size()> dropped;  // by enum value
  metrics::Gauge in_flight;
  std::array<metrics::Counter, kMismatchKinds.size()> mismatches;  // by enum value
  metrics::Counter vacuous_matches;
  metrics::Counter unknown_tagged;
  std::array<metrics::Counter, kEqualSteps.size()> equalized;  // by enum value
  std::array<SideMetrics, kSides.size()> sides;                // by enum value
  const SideMetrics& of(Side side) const { return sides[static_cast<std::size_t>(side)]; }
};

struct ShadowMetrics {
  // Adds every series of every rule.
  ShadowMetrics(metrics::Registry& registry, const RuleSet& rule_set);
  const RuleMetrics& of(const Rule& rule) const { return rules[rule.index]; }

  const metrics::Counter& orphan(OrphanReason reason) const {
    return orphans[static_cast<std::size_t>(reason)];
  }

  std::vector<RuleMetrics> rules;
  std::array<metrics::Counter, kOrphanReasons.size()> orphans;  // by enum value
  // statements_total{protocol,covered}: [simple, extended][covered no, yes]
  std::array<std::array<metrics::Counter, 2>, 2> statements;
  metrics::Histogram comparison_duration;
};

}  // namespace parallax::shadow
