#pragma once

// What verification found of each rule, how an operation of it is replayed, and what its replay
// means. Knows no connection.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shadow/captured.h"
#include "shadow/compare/compare.h"
#include "shadow/drift_watch.h"
#include "shadow/outcome_counter.h"
#include "shadow/replay/operation_replay.h"
#include "shadow/replay/rule_check.h"
#include "shadow/report.h"

namespace parallax::shadow {

class Judge {
 public:
  struct Judgement {
    Outcome outcome;
    std::string verify_again;  // why the rule is no longer what was verified; empty = it is
  };

  // The counter must outlive it. `rules`: how many there are.
  // `capture_bytes`: of a stitched result.
  Judge(std::size_t rules, OutcomeCounter& counter, std::size_t capture_bytes)
      : facts_(rules), counter_(counter), capture_bytes_(capture_bytes) {}

  // What is to be warned of in the rule; empty: nothing, or nothing new.
  std::string verified(const Rule& rule, Verification verification);
  // How the statements of a side that has several belong together; null before it is verified.
  const Stitching* stitching(const Rule& rule, Side side) const {
    return facts_of(rule).verification.stitching(side).get();
  }
  // Parameters that came without a type get it. False: nobody knows what they mean.
  bool type_values(CapturedOperation& operation) const {
    const auto& verification = facts_of(*operation.rule).verification;
    return shadow::type_values(operation.values, verification.names(operation.live.side));
  }
  // Fills in the operation's live result from those of its statements, each described.
  void stitch_live(CapturedOperation& operation, std::vector<LiveResult>&& parts) const;
  // Takes the statement out of the operation and describes its live result.
  ReplayRequest request(CapturedOperation& operation);
  // What the other side alone settles; nothing: a snapshot has to.
  std::optional<Outcome> settle_live(const CapturedOperation& operation, const StepResult& shadow);
  Judgement judge(const CapturedOperation& operation, const SnapshotResult& snapshot);
  // What an outcome says of the rule's state; nothing = it stays.
  std::optional<DriftWatch::Change> watch_drift(const Outcome& outcome, RuleState state);

 private:
  struct RuleFacts {
    Verification verification;
    bool rewrite_first = false;  // of the next snapshot
    std::uint32_t turn = 0;      // of replays
    // The rewrite has worked although it could not be prepared, and was verified once more.
    bool asked_again = false;
    DriftWatch drift;
  };

  ComparisonBasis basis(const CapturedOperation& operation) const;
  // Without its root.
  SideRequest side_request(const CapturedOperation& operation, Side side) const;
  void unnest_live(const Rule& rule, const Unnesting& unnesting, LiveResult& live) const;
  const RuleFacts& facts_of(const Rule& rule) const { return facts_[rule.index]; }
  std::optional<Judgement> other_columns(const CapturedOperation& operation,
                                         const SnapshotResult& snapshot);

  std::vector<RuleFacts> facts_;
  OutcomeCounter& counter_;
  std::size_t capture_bytes_;
};

}  // namespace parallax::shadow
