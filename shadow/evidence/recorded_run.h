#pragma once

// Operations of journals, run one after the other by a rule set: the way of `run` (verification,
// snapshot, comparison, verdict), without what the client got. Each call returns when it is done.

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "metrics/registry.h"
#include "proxy/io/loop.h"
#include "shadow/evidence/recorded_replay.h"
#include "shadow/judge.h"
#include "shadow/outcome_counter.h"
#include "shadow/replay/operation_replay.h"
#include "shadow/replay/pool.h"
#include "shadow/replay/verifier.h"
#include "shadow/shadow_metrics.h"

namespace parallax::shadow {

// The one connection, and the loop that it is on. Rule sets come and go.
class ReplaySession {
 public:
  explicit ReplaySession(const Options& options);
  ~ReplaySession();
  ReplaySession(const ReplaySession&) = delete;
  ReplaySession& operator=(const ReplaySession&) = delete;

  const Options& options() const { return options_; }
  io::Loop& loop() { return loop_; }
  Pool& pool() { return pool_; }
  // Why the last attempt to connect failed; empty: none did.
  const std::string& failure() const { return failure_; }
  // Runs the loop until `done`, which something on the loop sets before it calls stop().
  void run_until(const bool& done);

 private:
  const Options options_;
  std::string failure_;
  io::Loop loop_;
  Pool pool_;
};

class RecordedRun {
 public:
  // Both must outlive it.
  RecordedRun(ReplaySession& session, const RuleSet& rules);
  ~RecordedRun();

  // Once, before their operations are replayed: one attempt.
  void verify(const std::vector<const Rule*>& rules);
  // What verification has found; or why it could not.
  using Checked = std::variant<Verification, ReplaySkip>;
  const Checked& checked(const Rule& rule) const { return checked_[rule.index]; }
  // One attempt. Skips are outcomes.
  Outcome replay(const RecordedOperation& recorded);

 private:
  void acquire();
  void replay_on(Connection& connection);
  void end(Outcome outcome);
  void skip(SkipReason reason, const std::string& detail);

  ReplaySession& session_;
  metrics::Registry registry_;
  ShadowMetrics metrics_;
  OutcomeCounter counter_;
  Judge judge_;
  std::vector<Checked> checked_;  // by rule
  bool verified_ = false;
  Verifier verifier_;
  // Of the replay under way:
  CapturedOperation operation_;
  std::optional<Outcome> outcome_;
  bool replayed_ = false;
  std::unique_ptr<OperationReplay> replay_;
};

}  // namespace parallax::shadow
