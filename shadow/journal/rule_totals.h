#pragma once

// All that the metrics count of one rule, read at one moment; the journal's summaries are the
// differences of two, so that they add up to the metrics.

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "metrics/registry.h"
#include "shadow/shadow_metrics.h"

namespace parallax::shadow {

struct RuleTotals {
  std::uint64_t operations = 0;
  std::array<std::uint64_t, kVerdicts.size()> verdicts{};     // by enum value
  std::array<std::uint64_t, kSkipReasons.size()> skipped{};   // by enum value
  std::array<std::uint64_t, kDropReasons.size()> dropped{};   // by enum value
  std::array<std::uint64_t, kMismatchKinds.size()> kinds{};   // by enum value
  std::array<std::uint64_t, kEqualSteps.size()> equalized{};  // by enum value
  std::uint64_t vacuous = 0;
  metrics::HistogramValue live;          // where the client sent legacy
  metrics::HistogramValue live_rewrite;  // where it sent the rewrite
  metrics::HistogramValue legacy;        // paired
  metrics::HistogramValue rewrite;       // paired

  static RuleTotals read(const RuleMetrics& metrics, const metrics::Registry& registry);
  // What was added since `before`.
  RuleTotals since(const RuleTotals& before) const;
  // Has an operation begun or ended?
  bool any() const;
};

// Where a journal has come to with a rule.
struct JournalPosition {
  std::string version;  // of the rule
  RuleTotals written;   // up to the last summary that was written
  RuleTotals counted;   // up to the last one, written or not
};
// By name of the rule.
using JournalPositions = std::map<std::string, JournalPosition>;

}  // namespace parallax::shadow
