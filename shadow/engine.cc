#include "shadow/engine.h"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "shadow/engine_impl.h"

namespace parallax::shadow {

namespace {

constexpr std::chrono::milliseconds kAssemblyLook{20};

}  // namespace

Engine::Impl::Impl(Options given, std::shared_ptr<const RuleSet> rule_set,
                   const ShadowMetrics& metrics, metrics::Shard& shard, Report& to,
                   std::size_t workers)
    : options(std::move(given)),
      rules(std::move(rule_set)),
      report(to),
      counter(metrics, shard),
      states(rules->rules().size()),
      open_operations(rules->rules().size()),
      judge(rules->rules().size(), counter, options.capture_bytes),
      breakers(rules->rules().size(), options.pool_max,
               [this](const Rule* rule, const Breaker::Change& change) {
                 report.breaker(rule, change.open, change.reason);
               }),
      governor(rules->rules().size(), options.pool_max, options.governor),
      sample_shares(rules->rules().size()),
      replays_limit(options.pool_max),
      intakes(loop, options, workers, [this] { take_offers(); }),
      pool(loop, options,
           [this](const ConnectionError& error) { report.pool_error(error.sqlstate, error.what); }),
      gate(options.pool_max),
      verifier(loop, options, pool, *rules,
               {[this](const ServerFacts& facts) {
                  if (!facts.warning.empty()) report.warning(facts.warning);
                  if (!facts.information.empty()) report.information(facts.information);
                },
                [this](const Rule& rule, Verification verification) {
                  verified(rule, std::move(verification));
                },
                [this](const Rule& rule, const RulePlans& plans) { report.plans(rule, plans); }}),
      governor_timer(loop),
      quiet_timer(loop),
      deadline_timer(loop),
      assembly_timer(loop),
      closing_timer(loop),
      assembly(static_cast<std::uint64_t>(options.window.count()) * 1'000'000, assembly_listener()),
      loop_door(std::make_shared<LoopDoor>(loop)),
      parked_timer(loop) {
  for (auto& state : states) state.store(RuleState::unverified, std::memory_order_relaxed);
}

void Engine::Impl::set_awake(bool awake) {
  if (!stopping) verifier.set_awake(awake);
}

void Engine::Impl::run(bool awake) {
  verifier.set_awake(awake);
  for (const auto& rule : rules->rules()) verifier.verify(*rule);
  begin_governing();
  loop.run();
  // Offers may have come while the loop was ending.
  take_offers();
  end_governing();
  verifier.close();
  pool.close();
}

void Engine::Impl::take_offers() {
  while (auto item = intakes.take()) accept(std::move(*item));
}

void Engine::Impl::accept(IntakeQueue::Item item) {
  if (!park(item)) take_in(std::move(item));
}

void Engine::Impl::take_in(IntakeQueue::Item item) {
  if (auto* uncovered = std::get_if<UncoveredStatement>(&item.captured)) {
    intakes.give_back(item.bytes);
    report.uncovered(*uncovered);
    return;
  }
  if (auto* statement = std::get_if<CapturedStatement>(&item.captured)) {
    votes.open(statement->strict);
    assembly.take(std::move(*statement), item.bytes, io::Loop::now_ns());
    votes.close(door);
    if (stopping) assembly.drop_all(DropReason::drain);
    return watch_assembly();
  }
  auto operation = std::get<CapturedOperation>(std::move(item.captured));
  if (operation.strict) votes.open(StrictHold{*operation.strict, {operation.rule}});
  operation.strict = votes.current(*operation.rule);
  begin_job(std::move(operation), {item.bytes});
  votes.close(door);
}

Assembly::Listener Engine::Impl::assembly_listener() {
  return {.complete =
              [this](CapturedOperation&& operation, std::vector<LiveResult>&& parts,
                     Assembly::Held&& held) {
                counter.lasted(*operation.rule, operation.live.side, operation.live.seconds);
                operation.strict = votes.current(*operation.rule);
                if (operation.live.sqlstate.empty()) judge.stitch_live(operation, std::move(parts));
                begin_job(std::move(operation), std::move(held));
              },
          .ended =
              [this](const Rule& rule, Side side, NamedValues&& values, Assembly::End end,
                     Assembly::Held&& held) {
                give_back(held);
                CapturedOperation operation;
                operation.rule = &rule;
                operation.live.side = side;
                operation.values = std::move(values);
                operation.strict = votes.current(rule);
                std::visit([&](auto reason) { end_without_verdict(operation, reason, ""); }, end);
              },
          .unused =
              [this](std::optional<OrphanReason> reason, std::size_t held) {
                intakes.give_back(held);
                if (reason) counter.orphan(*reason);
              },
          .statement = [this](const Rule& rule, Side side) { counter.statement(rule, side); },
          .stitching = [this](const Rule& rule, Side side) { return judge.stitching(rule, side); }};
}

// What waits is looked at again now and then; nothing runs while nothing waits.
void Engine::Impl::watch_assembly() {
  if (assembly.empty() || assembly_timer.active()) return;
  assembly_timer.start(kAssemblyLook, [this] {
    assembly.expire(io::Loop::now_ns());
    watch_assembly();
  });
}

void Engine::Impl::give_back(const Assembly::Held& held) {
  for (const auto bytes : held) intakes.give_back(bytes);
}

void Engine::Impl::begin_job(CapturedOperation&& operation, Assembly::Held&& held) {
  const auto job = jobs.emplace(jobs.end());
  job->operation = std::move(operation);
  job->held = std::move(held);
  if (stopping) return end_waiting(job, DropReason::drain, "");
  if (const auto reason = obstacle(job->operation)) return end_waiting(job, *reason, "");
  if (!has_its_block(job->operation))
    return end_waiting(job, SkipReason::context, "its statements were in several transactions");
  const auto& strict = job->operation.strict;
  if (strict && strict->in_transaction) return wait_for_client(job);
  job->waits_since_ns = io::Loop::now_ns();
  job->shut_before_ns = shut_ns;
  // Who waits for a verdict is not kept waiting.
  if (strict) return wait_for_connection(job);
  gate.enter([this, job] {
    job->in_gate = true;
    if (job->sampled_out) return end_waiting(job, SkipReason::sampled_out, "");
    wait_for_connection(job);
  });
}

void Engine::Impl::wait_for_connection(Jobs::iterator job) {
  pool.acquire([this, job](std::variant<Connection*, ReplaySkip> acquired) {
    if (auto* connection = std::get_if<Connection*>(&acquired)) {
      start_job(job, **connection);
      return;
    }
    const auto& skip = std::get<ReplaySkip>(acquired);
    end_waiting(job, skip.reason, skip.detail);
  });
}

std::optional<SkipReason> Engine::Impl::obstacle(const CapturedOperation& operation) const {
  const Rule& rule = *operation.rule;
  switch (states[rule.index].load(std::memory_order_relaxed)) {
    case RuleState::unverified:
      return SkipReason::unverified;
    case RuleState::broken:
      return SkipReason::broken;
    case RuleState::ready:
    case RuleState::context_drift:
      break;
  }
  // Who waits for a verdict wants it, however slow it is.
  if (!operation.strict && !breakers.admits(rule, io::Loop::now_ns())) return SkipReason::breaker;
  return std::nullopt;
}

void Engine::Impl::start_job(Jobs::iterator job, Connection& connection) {
  // Verification may have been lost, or a breaker may have opened, while the job waited.
  if (const auto reason = obstacle(job->operation)) {
    end_waiting(job, *reason, "");
    pool.release(connection);
    return;
  }
  if (!judge.type_values(job->operation)) {
    end_waiting(job, SkipReason::context, "the type of a binary parameter is not known");
    pool.release(connection);
    return;
  }
  if (!connection.knows_no_other_than(job->operation.context)) {
    connection.close();
    pool.release(connection);
    return wait_for_connection(job);
  }
  give_back(job->held);
  job->connection = &connection;
  replay_begins(*job);
  job->tickets = breakers.begin(*job->operation.rule, io::Loop::now_ns());
  job->replay = std::make_unique<OperationReplay>(loop, options, judge.request(job->operation));
  const auto settles = [this, job](const StepResult& shadow) {
    job->settled = judge.settle_live(job->operation, shadow);
    return job->settled.has_value();
  };
  job->replay->run(connection, settles,
                   [this, job](const OperationReplay::End& end) { on_replayed(job, end); });
}

void Engine::Impl::on_replayed(Jobs::iterator job, const OperationReplay::End& end) {
  std::optional<Outcome> on_client;
  if (job->on_client != nullptr) {
    on_client = outcome_of(job->operation, end, std::nullopt);
    if (!settled_on_client(*job, *on_client)) return job->replay->run_for_client_again();
  }
  replay_ends(*job);
  auto operation = std::move(job->operation);
  auto settled = std::move(job->settled);
  const auto tickets = job->tickets;
  auto* connection = job->connection;
  const bool in_gate = job->in_gate;
  jobs.erase(job);
  // The server works for the next one while this one is compared.
  if (connection != nullptr) pool.release(*connection);
  if (in_gate) gate.leave();
  const bool was_on_client = on_client.has_value();
  auto outcome =
      was_on_client ? *std::move(on_client) : outcome_of(operation, end, std::move(settled));
  const double shadow_seconds =
      operation.live.side == Side::legacy ? outcome.rewrite_seconds : outcome.legacy_seconds;
  breakers.ended(*operation.rule, tickets,
                 {is_costly(outcome.end), shadow_seconds, operation.live_seconds},
                 io::Loop::now_ns());
  finish(operation, std::move(outcome));
  if (was_on_client) next_on_client(*operation.strict);
  stop_when_done();
}

Outcome Engine::Impl::outcome_of(const CapturedOperation& operation,
                                 const OperationReplay::End& end,
                                 std::optional<Outcome>&& settled) {
  if (const auto* snapshot = std::get_if<SnapshotResult>(&end)) {
    auto judgement = judge.judge(operation, *snapshot);
    if (!judgement.verify_again.empty()) verify_again(*operation.rule, judgement.verify_again);
    return std::move(judgement.outcome);
  }
  if (const auto* skip = std::get_if<ReplaySkip>(&end)) {
    Outcome outcome;
    outcome.end = skip->reason;
    outcome.detail = skip->detail;
    return outcome;
  }
  return std::move(*settled);
}

void Engine::Impl::finish(CapturedOperation& operation, Outcome outcome) {
  outcome.rule = operation.rule;
  outcome.side = operation.live.side;
  outcome.live_seconds = operation.live.seconds;
  watch_drift(*operation.rule, outcome);
  tell_client(operation, outcome);
  if (options.keep_values) {
    outcome.values = std::move(operation.values);
    outcome.context = std::move(operation.context);
  } else {
    outcome.remove_values();
  }
  publish(outcome);
}

void Engine::Impl::watch_drift(const Rule& rule, const Outcome& outcome) {
  const auto state = states[rule.index].load(std::memory_order_relaxed);
  if (const auto changed = judge.watch_drift(outcome, state))
    set_state(rule, changed->state, changed->reason);
}

void Engine::Impl::verified(const Rule& rule, Verification verification) {
  // Another attempt of a rule whose rights are missing still.
  const bool unchanged = verification.may_mend &&
                         states[rule.index].load(std::memory_order_relaxed) == verification.state;
  const auto state = verification.state;
  const auto reason = verification.reason;
  const auto warning = judge.verified(rule, std::move(verification));
  if (!unchanged) set_state(rule, state, reason);
  if (!warning.empty()) report.rule_warning(rule, warning);
}

void Engine::Impl::verify_again(const Rule& rule, const std::string& why) {
  if (states[rule.index].load(std::memory_order_relaxed) == RuleState::unverified) return;
  set_state(rule, RuleState::unverified, why);
  verifier.verify(rule);
}

// Its place in the queue is free before anybody hears of its end.
void Engine::Impl::end_waiting(Jobs::iterator job, End end, std::string detail) {
  give_back(job->held);
  const auto operation = std::move(job->operation);
  const bool in_gate = job->in_gate;
  jobs.erase(job);
  end_without_verdict(operation, end, std::move(detail));
  if (in_gate) gate.leave();
  if (finishing) loop.post([this] { stop_when_done(); });
}

void Engine::Impl::end_without_verdict(const CapturedOperation& operation, End end,
                                       std::string detail) {
  Outcome outcome;
  outcome.rule = operation.rule;
  outcome.side = operation.live.side;
  outcome.end = end;
  outcome.detail = std::move(detail);
  tell_client(operation, outcome);
  if (options.keep_values) outcome.values = operation.values;
  publish(outcome);
}

void Engine::Impl::publish(const Outcome& outcome) {
  counter.ended(outcome);
  report.outcome(outcome);
}

void Engine::Impl::set_state(const Rule& rule, RuleState state, const std::string& reason) {
  states[rule.index].store(state, std::memory_order_release);
  report.rule_state(rule, state, reason);
  unpark();
}

Engine::Engine(Options options, std::shared_ptr<const RuleSet> rules, const ShadowMetrics& metrics,
               metrics::Registry& registry, Report& report, std::size_t workers,
               metrics::Shard* shard) {
  forget_libpq_environment();
  impl_ =
      std::make_unique<Impl>(std::move(options), std::move(rules), metrics,
                             shard != nullptr ? *shard : registry.make_shard(), report, workers);
}

Engine::~Engine() {
  impl_->stop(std::chrono::milliseconds(0), false);
  impl_->loop_door->close();
}

void Engine::set_strict_door(StrictDoor& door) { impl_->door = &door; }

Intake& Engine::intake(std::size_t worker) { return impl_->intakes.door(worker); }

OpenOperations& Engine::open_operations() { return impl_->open_operations; }

const SampleShares& Engine::sample_shares() const { return impl_->sample_shares; }

RuleState Engine::state(const Rule& rule) const {
  return impl_->states[rule.index].load(std::memory_order_acquire);
}

void Engine::start(bool awake) {
  impl_->thread = std::thread([impl = impl_.get(), awake] {
    pthread_setname_np(pthread_self(), "shadow");  // what its load is told apart by
    impl->run(awake);
  });
}

void Engine::set_awake(bool awake) {
  impl_->loop.post([impl = impl_.get(), awake] { impl->set_awake(awake); });
}

void Engine::stop(std::chrono::milliseconds deadline) { impl_->stop(deadline, false); }
void Engine::finish(std::chrono::milliseconds deadline) { impl_->stop(deadline, true); }

std::size_t Engine::queued_jobs() const { return impl_->intakes.budget().jobs(); }
std::size_t Engine::queued_bytes() const { return impl_->intakes.budget().bytes(); }

Engine::Connections Engine::connections() const {
  return {impl_->pool.connecting(), impl_->pool.idle(), impl_->pool.busy()};
}

std::size_t Engine::replays_limit() const {
  return impl_->replays_limit.load(std::memory_order_relaxed);
}

double Engine::pressure(Sign sign) const {
  return impl_->pressures[static_cast<std::size_t>(sign)].load(std::memory_order_relaxed);
}

}  // namespace parallax::shadow
