// The governor's eyes and hands: what clients wait, what replays wait, what the server has.

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "shadow/engine_impl.h"

namespace parallax::shadow {

namespace {

constexpr std::size_t kLooksBetweenServerLooks = 10;
constexpr int kQuietLooks = 20;  // of an interval

constexpr double kStatementsOfQuiet = 4;  // of clients, one after the other
constexpr double kPartWithNobody = 0.5;
constexpr double kShutMost = 2.0;  // seconds

double seconds_of(std::chrono::milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

double seconds_between(std::uint64_t from_ns, std::uint64_t to_ns) {
  return static_cast<double>(to_ns - from_ns) * 1e-9;
}

}  // namespace

// In --dev everything is shadowed, whatever it costs.
void Engine::Impl::begin_governing() {
  if (!options.governor.enabled || options.dev) return;
  governor_timer.start_periodic(options.governor.interval, [this] { govern(); });
}

void Engine::Impl::end_governing() {
  governor_timer.cancel();
  quiet_timer.cancel();
  server_look.reset();  // closes the connection
}

void Engine::Impl::govern() {
  take_samples();
  obey(governor.interval());
  for (const auto sign : kSigns)
    pressures[static_cast<std::size_t>(sign)].store(governor.pressure(sign),
                                                    std::memory_order_relaxed);
  look_at_quiet();
  if (++looks % kLooksBetweenServerLooks == 0) look_at_server();
}

void Engine::Impl::obey(const std::vector<GovernorStep>& steps) {
  for (const auto& step : steps) {
    const Rule* rule = step.rule ? rules->rules()[*step.rule].get() : nullptr;
    report.governed(step, rule);
    if (step.what == GovernorStep::What::sample && step.sign) thin_out(rule);
  }
  if (steps.empty()) return;
  for (std::size_t i = 0; i < rules->rules().size(); ++i) sample_shares.set(i, governor.share(i));
  replays_limit.store(governor.replays(), std::memory_order_relaxed);
  gate.set_width(governor.replays());
  pool.limit_to(governor.pool());
}

// Of what waits already, too, every other one is sampled no more. `rule` null: of all.
void Engine::Impl::thin_out(const Rule* rule) {
  bool keeps = false;
  for (auto& job : jobs) {
    const bool waits = job.runs_since_ns == 0 && !job.in_gate && !job.operation.strict;
    if (!waits || job.sampled_out || (rule != nullptr && job.operation.rule != rule)) continue;
    keeps = !keeps;
    job.sampled_out = !keeps;
  }
}

// Shut until what runs has ended and enough was seen without it; at most half of the time.
void Engine::Impl::look_at_quiet() {
  const auto now = io::Loop::now_ns();
  if (!governor.wants_quiet() || stopping || quiet_timer.active() || now < no_quiet_before_ns)
    return;
  governor.set_quiet(true);
  gate.set_shut(true);
  const auto seconds = std::max(seconds_of(options.governor.interval) / 2,
                                kStatementsOfQuiet * governor.quiet_statement_seconds());
  const auto pause =
      std::max(options.governor.interval / kQuietLooks, std::chrono::milliseconds(1));
  quiet_timer.start_periodic(pause, [this, began = now, seconds] { end_quiet(began, seconds); });
}

// `began_ns`: when the gate was shut. `seconds`: of quiet, that are enough; in a part of them
// somebody must have come.
void Engine::Impl::end_quiet(std::uint64_t began_ns, double seconds) {
  take_samples();
  const auto now = io::Loop::now_ns();
  const double quiet = running == 0 ? seconds_between(std::max(quiet_since_ns, began_ns), now) : 0;
  const bool nobody = governor.seen_in_quiet() == 0 && quiet >= seconds * kPartWithNobody;
  const bool seen = quiet >= seconds || nobody;
  const bool late = seconds_between(began_ns, now) >= kShutMost;
  if (!stopping && governor.wants_quiet() && !seen && !late) return;
  quiet_timer.cancel();
  no_quiet_before_ns = now + (now - began_ns);
  shut_ns += now - began_ns;
  governor.set_quiet(false);
  gate.set_shut(false);
}

// Nobody is kept waiting for it, and where nothing was replayed nothing is to be taken back.
void Engine::Impl::look_at_server() {
  if (!std::exchange(ran_lately, false)) return governor.nothing_ran();
  if (server_look != nullptr || stopping) return;
  server_look = std::make_shared<ServerConnectionsQuery>(loop, options);
  pool.acquire([this,
                look = std::weak_ptr(server_look)](std::variant<Connection*, ReplaySkip> acquired) {
    auto* const* connection = std::get_if<Connection*>(&acquired);
    const auto still = look.lock();
    if (connection == nullptr || still == nullptr || stopping) {
      if (connection != nullptr) pool.release(**connection);
      if (still != nullptr) loop.defer_destroy(std::move(server_look));
      return;
    }
    still->run(**connection, [this, used = *connection](std::optional<ServerConnections> found) {
      loop.defer_destroy(std::move(server_look));  // it is in the middle of this call
      if (found)
        governor.connections(found->used, found->available, static_cast<double>(pool.held()));
      pool.release(*used);
    });
  });
}

void Engine::Impl::take_samples() {
  if (!governor_timer.active()) return;  // it does not govern
  while (const auto sample = intakes.take_sample()) {
    const auto took_ns = static_cast<std::uint64_t>(static_cast<double>(sample->seconds) * 1e9);
    const bool quiet = running == 0 && sample->completed_ns >= quiet_since_ns + took_ns;
    governor.lived(sample->rule, sample->side, sample->seconds, quiet);
  }
}

void Engine::Impl::replay_begins(Job& job) {
  if (running == 0) take_samples();  // they end before it
  ++running;
  ran_lately = true;
  job.runs_since_ns = io::Loop::now_ns();
  if (!job.in_gate) return;
  // Not for what it was kept waiting for on purpose; it may have come while the gate was shut.
  const auto waited = job.runs_since_ns - job.waits_since_ns;
  governor.waited(seconds_between(std::min(shut_ns - job.shut_before_ns, waited), waited));
}

void Engine::Impl::replay_ends(const Job& job) {
  const auto now = io::Loop::now_ns();
  governor.replayed(job.operation.rule->index, seconds_between(job.runs_since_ns, now));
  if (running == 1) take_samples();
  if (--running == 0) quiet_since_ns = now;
}

}  // namespace parallax::shadow
