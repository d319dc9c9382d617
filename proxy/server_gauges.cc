// The series that are read at a scrape.

#include <string>
#include <utility>

#include "metrics/process_metrics.h"
#include "proxy/server.h"

namespace parallax::proxy {

using metrics::Metric;

void Server::add_gauges() {
  metrics::add_process_metrics(*registry_);
  registry_->function(Metric::build_info, {PARALLAX_VERSION}, [] { return 1.0; });
  registry_->function(Metric::journal_errors_total, {}, [this] { return journal_errors(); });
  using Engine = shadow::Engine;
  registry_->function(Metric::queue_jobs, {}, [this] {
    return of_engine([](const Engine& engine) { return engine.queued_jobs(); });
  });
  registry_->function(Metric::queue_bytes, {}, [this] {
    return of_engine([](const Engine& engine) { return engine.queued_bytes(); });
  });
  const std::pair<Metric, std::size_t shadow::Options::*> limits[] = {
      {Metric::queue_jobs_limit, &shadow::Options::queue_jobs},
      {Metric::queue_bytes_limit, &shadow::Options::queue_bytes},
      {Metric::shadow_connections_limit, &shadow::Options::pool_max}};
  for (const auto& [metric, member] : limits) {
    registry_->function(metric, {}, [this, member = member] {
      return static_cast<double>(current()->config.shadow.*member);
    });
  }
  using Connections = shadow::Engine::Connections;
  const std::pair<const char*, std::size_t Connections::*> states[] = {
      {"connecting", &Connections::connecting},
      {"idle", &Connections::idle},
      {"busy", &Connections::busy}};
  for (const auto& [state, member] : states) {
    registry_->function(Metric::shadow_connections, {state}, [this, member = member] {
      return of_engine([member](const Engine& engine) { return engine.connections().*member; });
    });
  }
  add_governor_gauges();
  add_mode_gauges();
  for (const auto& rule : current()->rules->rules()) add_rule_gauges(current(), *rule);
  add_reload_gauges();
  for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
    if (!tls_->expires_at(i)) continue;
    registry_->function(Metric::tls_certificate_expiry_timestamp_seconds,
                        {config_.listeners[i].name},
                        [this, i] { return tls_->expires_at(i).value_or(0); });
  }
}

void Server::add_governor_gauges() {
  registry_->function(Metric::shadow_replays_limit, {}, [this] {
    return of_engine([](const shadow::Engine& engine) { return engine.replays_limit(); });
  });
  for (const auto sign : shadow::kSigns) {
    registry_->function(Metric::governor_pressure_ratio, {std::string(shadow::name(sign))},
                        [this, sign] {
                          const auto generation = current();
                          return generation->engine ? generation->engine->pressure(sign) : 0;
                        });
  }
}

void Server::add_mode_gauges() {
  for (const auto mode : shadow::kModes) {
    registry_->function(Metric::mode_override, {std::string(shadow::name(mode))}, [this, mode] {
      return modes_.mode_switch().overridden() == mode ? 1.0 : 0.0;
    });
  }
}

void Server::add_rule_gauges(const std::shared_ptr<const Generation>& generation,
                             const shadow::Rule& rule) {
  const auto modes = rule_modes(*generation);
  const std::weak_ptr<const Generation> weak = generation;  // it has the rule
  for (const auto mode : shadow::kModes) {
    registry_->function(Metric::rule_mode, {rule.name, std::string(shadow::name(mode))},
                        [weak, modes, &rule, mode] {
                          const auto alive = weak.lock();
                          return alive && modes.of(rule) == mode ? 1.0 : 0.0;
                        });
  }
  registry_->function(Metric::sample_ratio, {rule.name}, [weak, modes, &rule] {
    const auto alive = weak.lock();
    if (!alive || modes.off(rule)) return 0.0;
    if (modes.of(rule) == shadow::Mode::strict) return 1.0;
    return rule.sample * (alive->engine ? alive->engine->sample_shares().of(rule) : 1.0);
  });
  registry_->function(Metric::rule_info, {rule.name, rule.version}, [] { return 1.0; });
  for (const auto state : shadow::kRuleStates) {
    registry_->function(
        Metric::rule_state, {rule.name, std::string(shadow::name(state))}, [weak, &rule, state] {
          const auto alive = weak.lock();
          const auto now =
              alive && alive->engine ? alive->engine->state(rule) : shadow::RuleState::unverified;
          return now == state ? 1.0 : 0.0;
        });
  }
}

double Server::journal_errors() const {
  const auto generation = current();
  const std::lock_guard lock(current_mutex_);  // start_generation() may be making the journal
  const auto now = generation->journal ? generation->journal->errors() : 0;
  return static_cast<double>(journal_errors_before_.load() + now);
}

double Server::of_engine(const std::function<std::size_t(const shadow::Engine&)>& read) const {
  const auto generation = current();
  return generation->engine ? static_cast<double>(read(*generation->engine)) : 0;
}

}  // namespace parallax::proxy
