#pragma once

// One comparison's replay: legacy twice and the rewrite in one read-only snapshot ("Comparison" in
// the README). This is the order of the steps and what is run again; ReadOnlyTransaction does the
// rest.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shadow/captured.h"
#include "shadow/compare/compare.h"
#include "shadow/options.h"
#include "shadow/replay/let_values.h"
#include "shadow/replay/read_only_transaction.h"
#include "shadow/replay/side_run.h"
#include "shadow/replay/steps_runner.h"

namespace parallax::shadow {

struct SnapshotRequest {
  ReplayContextRef context;
  SideRequest legacy;
  SideRequest rewrite;  // its root is made when its lets are known
  LetRequest let;
  Side side = Side::legacy;  // that the client sent
  // What results over the capture limit are digested by; asked for once, by the first of them.
  std::function<std::shared_ptr<const DigestBasis>()> digest_basis;
  std::string live_sqlstate;   // what the client got: empty = a result
  bool rewrite_first = false;  // alternates, so that a warm cache helps both sides alike
  // Not one snapshot: each statement may see what has been committed before it. The rewrite then
  // runs between legacy's two runs, so that what they agree on held while it ran.
  bool moving = false;

  // With the values of the lets.
  void bind_rewrite(NamedValues values);
};

using SnapshotEnd = std::variant<SnapshotResult, ReplaySkip>;

class Snapshot {
 public:
  using Done = std::function<void(SnapshotEnd)>;

  Snapshot(StepsRunner runner, SnapshotRequest request);

  // Once. `done` may destroy this object, and may come from within this call when nothing can be
  // sent.
  void run(Done done);
  // `done` is not called.
  void abort() { runner_.abort(); }

 private:
  enum class Step { legacy_first, legacy_second, rewrite };
  // A statement of a round: which of its side.
  struct Statement {
    Step step;
    std::size_t statement;
  };
  using Round = ReadOnlyTransaction::Round;

  void send(std::vector<Step> steps);
  Round next_round();
  void plan_rounds();
  void plan_one_by_one();
  TransactionStep step_of(const Statement& statement);
  ResultDigest new_digest(const std::vector<ColumnInfo>& columns, Side side);
  std::optional<Round> after_lets(const std::vector<StepResult>& lets);
  std::optional<Round> after_round(std::vector<StepResult>& results);
  void take(std::vector<StepResult>& results);
  bool take_whole_runs();
  void end_without_let();
  void on_transaction(TransactionEnd end);
  std::optional<std::vector<Step>> next_steps();
  void settle_legacy();
  const SideRequest& side_of(Step step) const {
    return step == Step::rewrite ? request_.rewrite : request_.legacy;
  }
  StepResult& result_of(Step step);
  SideRun& run_of(Step step) { return runs_[static_cast<std::size_t>(step)]; }

  StepsRunner runner_;
  SnapshotRequest request_;
  Done done_;
  std::vector<Step> steps_;
  std::vector<SideRun> runs_;  // by Step
  std::vector<std::vector<Statement>> rounds_;
  std::size_t next_round_ = 0;
  bool lets_open_ = false;  // the round that is running is that of the lets
  bool taken_ = false;      // the results of the last round
  std::optional<LetFailure> let_failure_;
  SnapshotResult result_;
  std::shared_ptr<const DigestBasis> digest_basis_;
  bool again_ = false;  // legacy first, after the rewrite had failed in the first place
  bool alone_ = false;  // the rewrite runs in a transaction of its own
};

}  // namespace parallax::shadow
