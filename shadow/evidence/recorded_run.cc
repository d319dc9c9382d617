#include "shadow/evidence/recorded_run.h"

#include <utility>

#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

Options with_one_connection(Options options) {
  forget_libpq_environment();
  options.pool_max = 1;
  return options;
}

}  // namespace

ReplaySession::ReplaySession(const Options& options)
    : options_(with_one_connection(options)),
      pool_(loop_, options_, [this](const ConnectionError& error) { failure_ = error.what; }) {}

ReplaySession::~ReplaySession() { pool_.close(); }

// A stop() may come late, in a run that waits for something else.
void ReplaySession::run_until(const bool& done) {
  while (!done) loop_.run();
}

RecordedRun::RecordedRun(ReplaySession& session, const RuleSet& rules)
    : session_(session),
      metrics_(registry_, rules),
      counter_(metrics_, registry_.make_shard()),
      judge_(rules.rules().size(), counter_, session.options().capture_bytes),
      checked_(rules.rules().size(),
               ReplaySkip{SkipReason::unverified, "the server gave no answer"}),
      verifier_(session.loop(), session.options(), session.pool(), rules,
                {.facts = [](const ServerFacts&) {},
                 .found = [this](const Rule& rule,
                                 Verification found) { checked_[rule.index] = std::move(found); },
                 .planned = [](const Rule&, const RulePlans&) {},
                 .not_told = [this](const Rule& rule,
                                    const ReplaySkip& why) { checked_[rule.index] = why; },
                 .round_ended =
                     [this] {
                       verified_ = true;
                       session_.loop().stop();
                     }}) {}

RecordedRun::~RecordedRun() { verifier_.close(); }

void RecordedRun::verify(const std::vector<const Rule*>& rules) {
  if (rules.empty()) return;
  for (const Rule* rule : rules) verifier_.verify(*rule);
  session_.run_until(verified_);
  verifier_.close();
  for (const Rule* rule : rules) {
    if (const auto* found = std::get_if<Verification>(&checked_[rule->index]))
      judge_.verified(*rule, *found);
  }
}

Outcome RecordedRun::replay(const RecordedOperation& recorded) {
  operation_ = {};
  operation_.rule = recorded.rule;
  operation_.values = recorded.values;
  operation_.context = recorded.context;
  operation_.live.side = recorded.side;
  operation_.live.sqlstate = recorded.sqlstate;
  operation_.statement = recorded.rule->bind(recorded.side, 0, recorded.values);
  outcome_.reset();
  replayed_ = false;
  const auto& checked = checked_[recorded.rule->index];
  const auto* found = std::get_if<Verification>(&checked);
  if (const auto* why = std::get_if<ReplaySkip>(&checked)) {
    skip(why->reason, why->detail);
  } else if (found->state == RuleState::broken) {
    skip(SkipReason::broken, found->reason);
  } else if (!judge_.type_values(operation_)) {
    skip(SkipReason::context, "the type of a binary parameter is not known");
  } else {
    acquire();
    session_.run_until(replayed_);
  }
  replay_.reset();
  return *std::move(outcome_);
}

void RecordedRun::acquire() {
  session_.pool().acquire([this](std::variant<Connection*, ReplaySkip> acquired) {
    if (const auto* why = std::get_if<ReplaySkip>(&acquired)) return skip(why->reason, why->detail);
    auto& connection = *std::get<Connection*>(acquired);
    if (connection.knows_no_other_than(operation_.context)) return replay_on(connection);
    connection.close();
    session_.pool().release(connection);
    acquire();
  });
}

void RecordedRun::replay_on(Connection& connection) {
  replay_ = std::make_unique<OperationReplay>(session_.loop(), session_.options(),
                                              judge_.request(operation_));
  replay_->run(
      connection, [](const StepResult&) { return false; },
      [this, &connection](const OperationReplay::End& replayed) {
        session_.pool().release(connection);
        if (const auto* why = std::get_if<ReplaySkip>(&replayed))
          return skip(why->reason, why->detail);
        if (const auto* snapshot = std::get_if<SnapshotResult>(&replayed)) {
          auto outcome = judge_.judge(operation_, *snapshot).outcome;
          // Both sides agree; that the client's call had failed is over.
          if (outcome.end == decltype(outcome.end)(Verdict::race)) outcome.end = Verdict::match;
          return end(std::move(outcome));
        }
        skip(SkipReason::server, "the snapshot did not run");
      });
}

void RecordedRun::skip(SkipReason reason, const std::string& detail) {
  Outcome outcome;
  outcome.end = reason;
  outcome.detail = detail;
  end(std::move(outcome));
}

void RecordedRun::end(Outcome outcome) {
  outcome.rule = operation_.rule;
  outcome.side = operation_.live.side;
  outcome.values = operation_.values;
  outcome.context = operation_.context;
  outcome_ = std::move(outcome);
  replayed_ = true;
  session_.loop().stop();
}

}  // namespace parallax::shadow
