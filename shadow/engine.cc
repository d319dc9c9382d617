#include "shadow/engine.h"

#include <algorithm>
#include <atomic>
#include <list>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/io/loop.h"
#include "proxy/io/timer.h"
#include "shadow/compare/compare.h"
#include "shadow/intake_queue.h"
#include "shadow/outcome_counter.h"
#include "shadow/replay/pool.h"
#include "shadow/replay/snapshot.h"
#include "shadow/replay/verifier.h"

namespace parallax::shadow {

namespace {

double seconds_since(std::uint64_t began_ns) {
  return static_cast<double>(io::Loop::now_ns() - began_ns) / 1e9;
}

using SameColumn = bool (*)(const ColumnInfo&, const ColumnInfo&);

// The same attribute of the same table, with its type. Types of expressions may depend on the
// parameters.
bool same_origin(const ColumnInfo& verified, const ColumnInfo& now) {
  if (verified.table_oid != now.table_oid || verified.attribute != now.attribute) return false;
  return verified.table_oid == 0 || verified.type_oid == now.type_oid;
}

// What a table of the same make in another schema gives.
bool same_make(const ColumnInfo& verified, const ColumnInfo& now) {
  if ((verified.table_oid == 0) != (now.table_oid == 0) || verified.label != now.label)
    return false;
  return verified.table_oid == 0 || verified.type_oid == now.type_oid;
}

// Another number of columns is a finding of its own.
bool all_columns(const Verification& verification, const SnapshotResult& snapshot,
                 SameColumn same) {
  const auto holds = [same](const std::vector<ColumnInfo>& verified, const StepResult& step) {
    const auto& now = step.result.columns();
    if (!step.ran || !step.sqlstate.empty() || verified.size() != now.size()) return true;
    return std::equal(verified.begin(), verified.end(), now.begin(), same);
  };
  return holds(verification.legacy_columns, snapshot.legacy_first) &&
         holds(verification.rewrite_columns, snapshot.rewrite);
}

// What --dev alone may show.
void remove_values(Outcome& outcome) {
  outcome.values.clear();
  outcome.legacy_message.clear();
  outcome.rewrite_message.clear();
  outcome.columns.clear();
  outcome.differences.clear();
}

}  // namespace

struct Engine::Impl {
  // An operation that waits for a connection, or is being replayed on one.
  struct Job {
    CapturedOperation operation;
    std::size_t bytes = 0;  // in the queue's budget, until the replay starts
    Connection* connection = nullptr;
    std::unique_ptr<Snapshot> snapshot;
  };
  using End = decltype(Outcome::end);
  using Jobs = std::list<Job>;  // bounded by the queue's budget and the pool

  struct RuleFacts {
    Verification verification;
    bool rewrite_first = false;  // of the next replay
  };

  Impl(Options given, std::shared_ptr<const RuleSet> rule_set, const ShadowMetrics& metrics,
       metrics::Registry& registry, Report& to, std::size_t workers);

  void run();
  void stop(std::chrono::milliseconds deadline);

  void take_offers();
  void accept(IntakeQueue::Item item);
  void start_job(Jobs::iterator job, Connection& connection);
  void on_snapshot(Jobs::iterator job, SnapshotEnd end);
  void conclude(CapturedOperation& operation, const SnapshotResult& snapshot);
  std::optional<SkipReason> obstacle(const Rule& rule) const;
  void verify_again(const Rule& rule, const std::string& why);
  void end_waiting(Jobs::iterator job, End end, std::string detail);
  void end_without_verdict(const CapturedOperation& operation, End end, std::string detail);
  void publish(const Outcome& outcome);
  void set_state(const Rule& rule, RuleState state, const std::string& reason);
  void begin_stop(std::chrono::milliseconds deadline);
  void drop_jobs(bool running_too);
  void stop_when_done();

  RuleFacts& facts_of(const Rule& rule) { return facts[rule.index]; }

  const Options options;
  const std::shared_ptr<const RuleSet> rules;
  Report& report;
  OutcomeCounter counter;
  std::vector<std::atomic<RuleState>> states;
  std::vector<RuleFacts> facts;

  io::Loop loop;
  IntakeQueue intakes;
  Pool pool;
  Verifier verifier;
  io::Timer deadline_timer;
  Jobs jobs;
  bool stopping = false;
  std::thread thread;
  bool stopped = false;  // of the thread that calls start() and stop()
};

Engine::Impl::Impl(Options given, std::shared_ptr<const RuleSet> rule_set,
                   const ShadowMetrics& metrics, metrics::Registry& registry, Report& to,
                   std::size_t workers)
    : options(std::move(given)),
      rules(std::move(rule_set)),
      report(to),
      counter(metrics, registry.make_shard()),
      states(rules->rules().size()),
      facts(rules->rules().size()),
      intakes(loop, options, workers, [this] { take_offers(); }),
      pool(loop, options,
           [this](const ConnectionError& error) { report.pool_error(error.sqlstate, error.what); }),
      verifier(loop, options, pool,
               [this](const Rule& rule, Verification verification) {
                 auto& facts_now = facts_of(rule);
                 facts_now.verification = std::move(verification);
                 set_state(rule, facts_now.verification.state, facts_now.verification.reason);
               }),
      deadline_timer(loop) {
  for (auto& state : states) state.store(RuleState::unverified, std::memory_order_relaxed);
}

void Engine::Impl::run() {
  for (const auto& rule : rules->rules()) verifier.verify(*rule);
  loop.run();
  // Offers may have come while the loop was ending.
  take_offers();
  verifier.close();
  pool.close();
}

void Engine::Impl::take_offers() {
  while (auto item = intakes.take()) accept(std::move(*item));
}

void Engine::Impl::accept(IntakeQueue::Item item) {
  if (auto* uncovered = std::get_if<UncoveredStatement>(&item.captured)) {
    intakes.give_back(item.bytes);
    report.uncovered(*uncovered);
    return;
  }
  auto& operation = std::get<CapturedOperation>(item.captured);
  const auto job = jobs.emplace(jobs.end());
  job->operation = std::move(operation);
  job->bytes = item.bytes;
  if (stopping) return end_waiting(job, DropReason::drain, "");
  if (const auto reason = obstacle(*job->operation.rule)) return end_waiting(job, *reason, "");
  pool.acquire([this, job](std::variant<Connection*, ReplaySkip> acquired) {
    if (auto* connection = std::get_if<Connection*>(&acquired)) {
      start_job(job, **connection);
      return;
    }
    const auto& skip = std::get<ReplaySkip>(acquired);
    end_waiting(job, skip.reason, skip.detail);
  });
}

std::optional<SkipReason> Engine::Impl::obstacle(const Rule& rule) const {
  switch (states[rule.index].load(std::memory_order_relaxed)) {
    case RuleState::unverified:
      return SkipReason::unverified;
    case RuleState::broken:
      return SkipReason::broken;
    case RuleState::ready:
    case RuleState::context_drift:
      break;
  }
  return std::nullopt;
}

void Engine::Impl::start_job(Jobs::iterator job, Connection& connection) {
  // Verification may have been lost while the job waited.
  if (const auto reason = obstacle(*job->operation.rule)) {
    end_waiting(job, *reason, "");
    pool.release(connection);
    return;
  }
  intakes.give_back(job->bytes);
  auto& operation = job->operation;
  SnapshotRequest request;
  request.context = operation.context;
  request.legacy = std::move(operation.legacy);
  request.rewrite = operation.rule->bind_rewrite(operation.values);
  request.live_sqlstate = operation.live.sqlstate;
  auto& rewrite_first = facts_of(*operation.rule).rewrite_first;
  request.rewrite_first = std::exchange(rewrite_first, !rewrite_first);
  job->connection = &connection;
  job->snapshot = std::make_unique<Snapshot>(loop, options, std::move(request));
  job->snapshot->run(connection,
                     [this, job](SnapshotEnd end) { on_snapshot(job, std::move(end)); });
}

void Engine::Impl::on_snapshot(Jobs::iterator job, SnapshotEnd end) {
  auto operation = std::move(job->operation);
  auto& connection = *job->connection;
  jobs.erase(job);
  pool.release(connection);  // the server works for the next one while this one is compared
  if (const auto* skip = std::get_if<ReplaySkip>(&end)) {
    end_without_verdict(operation, skip->reason, skip->detail);
  } else {
    conclude(operation, std::get<SnapshotResult>(end));
  }
  stop_when_done();
}

void Engine::Impl::conclude(CapturedOperation& operation, const SnapshotResult& snapshot) {
  const Rule& rule = *operation.rule;
  const auto& verification = facts_of(rule).verification;
  if (!verification.rewrite_prepared && snapshot.rewrite.ran && snapshot.rewrite.sqlstate.empty()) {
    // It could not be prepared at verification, so no columns are paired.
    verify_again(rule, "the rewrite works now");
    end_without_verdict(operation, SkipReason::unverified, "");
    return;
  }
  if (verification.rewrite_prepared && !all_columns(verification, snapshot, same_origin)) {
    if (operation.context == nullptr || operation.context->settings.empty()) {
      verify_again(rule, "the tables have changed");
      end_without_verdict(operation, SkipReason::unverified, "");
      return;
    }
    // The session's settings (a search_path) lead to other tables than verification saw.
    if (!all_columns(verification, snapshot, same_make)) {
      end_without_verdict(operation, SkipReason::context,
                          "the session's settings lead to other tables");
      return;
    }
  }
  counter.replayed(rule, snapshot);
  const auto began = io::Loop::now_ns();
  auto outcome =
      decide({rule, verification.pairing, verification.catalog, {}}, snapshot, operation.live);
  counter.compared(seconds_since(began));
  outcome.rule = &rule;
  if (outcome.end == End(SkipReason::broken)) {
    verify_again(rule, "the columns of the legacy statement have changed");
  }
  if (options.dev) {
    outcome.values = std::move(operation.values);
  } else {
    remove_values(outcome);
  }
  publish(outcome);
}

void Engine::Impl::verify_again(const Rule& rule, const std::string& why) {
  if (states[rule.index].load(std::memory_order_relaxed) == RuleState::unverified) return;
  set_state(rule, RuleState::unverified, why);
  verifier.verify(rule);
}

// Its place in the queue is free before anybody hears of its end.
void Engine::Impl::end_waiting(Jobs::iterator job, End end, std::string detail) {
  intakes.give_back(job->bytes);
  const auto operation = std::move(job->operation);
  jobs.erase(job);
  end_without_verdict(operation, end, std::move(detail));
}

void Engine::Impl::end_without_verdict(const CapturedOperation& operation, End end,
                                       std::string detail) {
  Outcome outcome;
  outcome.rule = operation.rule;
  outcome.end = end;
  outcome.detail = std::move(detail);
  if (options.dev) outcome.values = operation.values;
  publish(outcome);
}

void Engine::Impl::publish(const Outcome& outcome) {
  counter.ended(outcome);
  report.outcome(outcome);
}

void Engine::Impl::set_state(const Rule& rule, RuleState state, const std::string& reason) {
  states[rule.index].store(state, std::memory_order_release);
  report.rule_state(rule, state, reason);
}

void Engine::Impl::begin_stop(std::chrono::milliseconds deadline) {
  stopping = true;
  verifier.close();
  take_offers();
  drop_jobs(false);
  if (!jobs.empty()) {
    deadline_timer.start(deadline, [this] {
      drop_jobs(true);
      stop_when_done();
    });
  }
  stop_when_done();
}

void Engine::Impl::drop_jobs(bool running_too) {
  pool.forget_waiters();
  for (auto job = jobs.begin(); job != jobs.end();) {
    const auto current = job++;
    if (current->snapshot == nullptr) {
      end_waiting(current, DropReason::drain, "");
    } else if (running_too) {
      current->snapshot->abort();
      end_without_verdict(current->operation, DropReason::drain, "");
      jobs.erase(current);
    }
  }
}

void Engine::Impl::stop_when_done() {
  if (!stopping || !jobs.empty()) return;
  deadline_timer.cancel();
  loop.stop();
}

void Engine::Impl::stop(std::chrono::milliseconds deadline) {
  if (std::exchange(stopped, true)) return;
  if (thread.joinable()) {
    loop.post([this, deadline] { begin_stop(deadline); });
    thread.join();
  } else {  // never started: nothing but offers can be there
    stopping = true;
    verifier.close();
    take_offers();
  }
}

Engine::Engine(Options options, std::shared_ptr<const RuleSet> rules, const ShadowMetrics& metrics,
               metrics::Registry& registry, Report& report, std::size_t workers) {
  forget_libpq_environment();
  impl_ = std::make_unique<Impl>(std::move(options), std::move(rules), metrics, registry, report,
                                 workers);
}

Engine::~Engine() { impl_->stop(std::chrono::milliseconds(0)); }

Intake& Engine::intake(std::size_t worker) { return impl_->intakes.door(worker); }

RuleState Engine::state(const Rule& rule) const {
  return impl_->states[rule.index].load(std::memory_order_acquire);
}

void Engine::start() {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

void Engine::stop(std::chrono::milliseconds deadline) { impl_->stop(deadline); }

std::size_t Engine::queued_jobs() const { return impl_->intakes.budget().jobs(); }
std::size_t Engine::queued_bytes() const { return impl_->intakes.budget().bytes(); }

Engine::Connections Engine::connections() const {
  return {impl_->pool.connecting(), impl_->pool.idle(), impl_->pool.busy()};
}

}  // namespace parallax::shadow
