#pragma once

// The one table of metrics: name, type, help, labels, buckets. A metric that is not here does not
// exist. Label values come from configuration and closed sets only, never from clients.

#include <cstddef>
#include <span>

namespace parallax::metrics {

enum class Metric {
  operations_total,         // rule
  verdicts_total,           // rule, verdict
  skipped_total,            // rule, reason
  dropped_total,            // rule, reason
  in_flight,                // rule
  mismatches_total,         // rule, kind
  vacuous_matches_total,    // rule
  equalized_total,          // rule, step
  rule_statements_total,    // rule, side
  orphan_statements_total,  // reason
  unknown_tagged_total,     // rule
  statements_total,         // protocol, covered
  live_duration_seconds,    // rule, side
  paired_duration_seconds,  // rule, side
  proxy_overhead_seconds,
  comparison_duration_seconds,
  queue_jobs,
  queue_jobs_limit,
  queue_bytes,
  queue_bytes_limit,
  shadow_connections,  // state
  shadow_connections_limit,
  shadow_replays_limit,
  governor_pressure_ratio,
  sample_ratio,   // rule
  rule_mode,      // rule, mode
  mode_override,  // mode
  rule_state,     // rule, state
  rule_info,      // rule, version
  sessions,
  client_connection_outcomes_total,  // outcome
  errors_to_clients_total,           // origin
  bytes_forwarded_total,             // direction
  tap_desync_total,
  upstream_connect_duration_seconds,
  auth_failures_total,
  journal_errors_total,
  loop_lag_seconds,                          // loop
  tls_certificate_expiry_timestamp_seconds,  // listener
  config_last_reload_successful,
  config_last_reload_success_timestamp_seconds,
  build_info,  // version
  process_cpu_seconds_total,
  process_resident_memory_bytes,
  process_virtual_memory_bytes,
  process_open_fds,
  process_max_fds,
  process_start_time_seconds,
};
inline constexpr std::size_t kMetricCount =
    static_cast<std::size_t>(Metric::process_start_time_seconds) + 1;

enum class MetricType { counter, gauge, histogram };

struct MetricInfo {
  Metric metric;
  const char* name;  // full name
  MetricType type;
  const char* help;
  std::span<const char* const> labels;
  std::span<const double> bounds;  // histograms: seconds
};

const MetricInfo& info(Metric metric);

}  // namespace parallax::metrics
