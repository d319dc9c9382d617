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
#include "shadow/replay/connection.h"
#include "shadow/replay/legacy_run.h"
#include "shadow/replay/let_values.h"
#include "shadow/replay/read_only_transaction.h"

namespace parallax::shadow {

struct SnapshotRequest {
  ReplayContextRef context;
  BoundStatement legacy;  // its root, as the client has sent it
  ChildrenRequest children;
  BoundStatement rewrite;  // where its lets are none
  LetRequest let;
  // What results over the capture limit are digested by; asked for once, by the first of them.
  std::function<std::shared_ptr<const DigestBasis>()> digest_basis;
  std::string live_sqlstate;   // what the client got: empty = a result
  bool rewrite_first = false;  // alternates, so that a warm cache helps both sides alike

  // The rewrite of `of` with these values.
  void bind_rewrite(const Rule& of, const NamedValues& values);
};

using SnapshotEnd = std::variant<SnapshotResult, ReplaySkip>;

class Snapshot {
 public:
  using Done = std::function<void(SnapshotEnd)>;

  Snapshot(io::Loop& loop, const Options& options, SnapshotRequest request);

  // Once. The connection must be idle; afterwards it is idle or closed. `done` may destroy this
  // object, and may come from within this call when nothing can be sent.
  void run(Connection& connection, Done done);
  // Closes the connection; `done` is not called.
  void abort() { transaction_.abort(); }

 private:
  enum class Step { legacy_first, legacy_second, rewrite };
  // A statement of a round: of legacy, which of its statements.
  struct Statement {
    Step step;
    std::size_t statement;
  };
  using Round = ReadOnlyTransaction::Round;

  void send(std::vector<Step> steps);
  Round next_round();
  void plan_round();
  TransactionStep step_of(const Statement& statement);
  ResultDigest new_digest(const std::vector<ColumnInfo>& columns, ResultDigest::Side side);
  std::optional<Round> after_lets(const std::vector<StepResult>& lets);
  std::optional<Round> after_round(std::vector<StepResult>& results);
  void take(std::vector<StepResult>& results);
  bool take_whole_runs();
  void end_without_let();
  void on_transaction(TransactionEnd end);
  std::optional<std::vector<Step>> next_steps();
  void settle_legacy();
  LegacyRun& run_of(Step step) { return runs_[step == Step::legacy_first ? 0 : 1]; }

  ReadOnlyTransaction transaction_;
  SnapshotRequest request_;
  Connection* connection_ = nullptr;
  Done done_;
  std::vector<std::vector<std::size_t>> levels_;  // of legacy, one for each round
  std::vector<Step> steps_;
  std::vector<LegacyRun> runs_;  // first, second
  std::size_t next_level_ = 0;
  std::vector<Statement> round_;
  bool lets_open_ = false;  // the round that is running is that of the lets
  bool taken_ = false;      // the results of the last round
  std::optional<LetFailure> let_failure_;
  SnapshotResult result_;
  std::shared_ptr<const DigestBasis> digest_basis_;
  bool again_ = false;  // legacy first, after the rewrite had failed in the first place
  bool alone_ = false;  // the rewrite runs in a transaction of its own
};

}  // namespace parallax::shadow
