#include "shadow/evidence/recorded_replay.h"

#include <optional>
#include <utility>

#include "metrics/registry.h"
#include "proxy/io/loop.h"
#include "shadow/judge.h"
#include "shadow/outcome_counter.h"
#include "shadow/replay/operation_replay.h"
#include "shadow/replay/pool.h"
#include "shadow/replay/verifier.h"
#include "shadow/rules/concat.h"
#include "shadow/shadow_metrics.h"

namespace parallax::shadow {

namespace {

// An engine for one operation.
class RecordedReplay {
 public:
  RecordedReplay(const Options& options, const RuleSet& rules, const RecordedOperation& recorded)
      : options_(options),
        metrics_(registry_, rules),
        counter_(metrics_, registry_.make_shard()),
        judge_(rules.rules().size(), counter_, options.capture_bytes),
        pool_(loop_, options_, [this](const ConnectionError& error) { failure_ = error; }),
        verifier_(loop_, options_, pool_, rules,
                  {.facts = [](const ServerFacts&) {},
                   .found = [this](const Rule& rule,
                                   Verification found) { on_found(rule, std::move(found)); },
                   .planned = [](const Rule&, const RulePlans&) {},
                   .not_told = [this](const Rule&,
                                      const ReplaySkip& why) { on_skip(why.reason, why.detail); },
                   .round_ended = [this] { on_round_ended(); }}) {
    operation_.rule = recorded.rule;
    operation_.values = recorded.values;
    operation_.context = recorded.context;
    operation_.live.side = recorded.side;
    operation_.statement = recorded.rule->bind(recorded.side, 0, recorded.values);
  }

  std::variant<Outcome, std::string> run() {
    verifier_.verify(*operation_.rule);
    loop_.run();
    replay_.reset();
    verifier_.close();
    pool_.close();
    if (outcome_) return *std::move(outcome_);
    return failure_ ? concat({"no shadow connection: ", failure_->what})
                    : std::string("the server gave no answer");
  }

 private:
  void on_found(const Rule& rule, Verification found) {
    if (found.state == RuleState::broken) {
      on_skip(SkipReason::broken, found.reason);
    } else {
      judge_.verified(rule, std::move(found));
      verified_ = true;
    }
  }

  void on_skip(SkipReason reason, const std::string& detail) {
    Outcome outcome;
    outcome.end = reason;
    outcome.detail = detail;
    end(std::move(outcome));
  }

  void on_round_ended() {
    if (!verified_) return loop_.stop();
    if (!judge_.type_values(operation_)) {
      on_skip(SkipReason::context, "the type of a binary parameter is not known");
      return loop_.stop();
    }
    pool_.acquire([this](std::variant<Connection*, ReplaySkip> acquired) {
      if (const auto* skip = std::get_if<ReplaySkip>(&acquired)) {
        on_skip(skip->reason, skip->detail);
        return loop_.stop();
      }
      replay(*std::get<Connection*>(acquired));
    });
  }

  void replay(Connection& connection) {
    replay_ = std::make_unique<OperationReplay>(loop_, options_, judge_.request(operation_));
    replay_->run(
        connection, [](const StepResult&) { return false; },
        [this, &connection](const OperationReplay::End& end) {
          on_replayed(end);
          pool_.release(connection);
          loop_.stop();
        });
  }

  void on_replayed(const OperationReplay::End& replayed) {
    if (const auto* skip = std::get_if<ReplaySkip>(&replayed))
      return on_skip(skip->reason, skip->detail);
    if (const auto* snapshot = std::get_if<SnapshotResult>(&replayed))
      end(std::move(judge_.judge(operation_, *snapshot).outcome));
  }

  void end(Outcome outcome) {
    outcome.rule = operation_.rule;
    outcome.side = operation_.live.side;
    outcome.values = operation_.values;
    outcome.context = operation_.context;
    outcome_ = std::move(outcome);
  }

  const Options options_;
  metrics::Registry registry_;
  ShadowMetrics metrics_;
  OutcomeCounter counter_;
  Judge judge_;
  CapturedOperation operation_;
  std::optional<Outcome> outcome_;
  std::optional<ConnectionError> failure_;
  bool verified_ = false;
  io::Loop loop_;
  Pool pool_;
  Verifier verifier_;
  std::unique_ptr<OperationReplay> replay_;
};

}  // namespace

std::variant<Outcome, std::string> replay_recorded(const Options& options, const RuleSet& rules,
                                                   const RecordedOperation& operation) {
  const auto& user = operation.context->user;
  if (options.identity == Identity::same_user && !user.empty() && user != options.keyword("user"))
    return concat({"the session was of user ", user, ", and the shadow is ",
                   options.keyword("user"), ": see `shadow.identity`"});
  forget_libpq_environment();
  return RecordedReplay(options, rules, operation).run();
}

}  // namespace parallax::shadow
