#pragma once

// Writes how operations ended into the metrics, on the engine's shard. The tap has counted the
// operation and added it to `in_flight` on its own shard; here it is taken out again.

#include "metrics/registry.h"
#include "shadow/compare/compare.h"
#include "shadow/report.h"
#include "shadow/shadow_metrics.h"

namespace parallax::shadow {

class OutcomeCounter {
 public:
  OutcomeCounter(const ShadowMetrics& metrics, metrics::Shard& shard)
      : metrics_(metrics), shard_(shard) {}

  void ended(const Outcome& outcome);
  // Latency of both sides, when all three steps gave a result, a fair pair; and of a rewrite that
  // ran into its time limit behind legacy.
  void replayed(const Rule& rule, const SnapshotResult& snapshot);
  // Of an operation of several statements: a child, and what the client waited for all of them.
  void statement(const Rule& rule, Side side) { shard_.add(metrics_.of(rule).of(side).statements); }
  void lasted(const Rule& rule, Side side, double seconds) {
    shard_.observe(metrics_.of(rule).of(side).live_duration, seconds);
  }
  void orphan(OrphanReason reason) { shard_.add(metrics_.orphan(reason)); }
  void compared(double seconds) { shard_.observe(metrics_.comparison_duration, seconds); }

 private:
  void verdict(const RuleMetrics& rule, const Outcome& outcome, Verdict verdict);

  const ShadowMetrics& metrics_;
  metrics::Shard& shard_;
};

}  // namespace parallax::shadow
