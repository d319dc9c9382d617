#include "metrics/names.h"

#include <array>

namespace parallax::metrics {
namespace {

constexpr std::array kRule = {"rule"};
constexpr std::array kRuleVerdict = {"rule", "verdict"};
constexpr std::array kRuleReason = {"rule", "reason"};
constexpr std::array kRuleKind = {"rule", "kind"};
constexpr std::array kRuleStep = {"rule", "step"};
constexpr std::array kReason = {"reason"};
constexpr std::array kRuleSide = {"rule", "side"};
constexpr std::array kRuleMode = {"rule", "mode"};
constexpr std::array kMode = {"mode"};
constexpr std::array kSign = {"sign"};
constexpr std::array kRuleState = {"rule", "state"};
constexpr std::array kRuleVersion = {"rule", "version"};
constexpr std::array kProtocolCovered = {"protocol", "covered"};
constexpr std::array kState = {"state"};
constexpr std::array kOutcome = {"outcome"};
constexpr std::array kOrigin = {"origin"};
constexpr std::array kDirection = {"direction"};
constexpr std::array kLoop = {"loop"};
constexpr std::array kListener = {"listener"};
constexpr std::array kVersion = {"version"};

// Seconds. Histograms that exist once for each rule have at most ten buckets, +Inf included: every
// bucket is a series.
constexpr std::array kStatementBounds = {0.0005, 0.001, 0.0025, 0.005, 0.01,
                                         0.025,  0.05,  0.25,   1.0};
constexpr std::array kOverheadBounds = {1e-6, 2.5e-6, 5e-6,   10e-6, 25e-6,  50e-6,
                                        1e-4, 2.5e-4, 500e-6, 0.001, 0.0025, 0.01};
constexpr std::array kComparisonBounds = {10e-6, 25e-6, 50e-6, 1e-4, 2.5e-4, 500e-6,
                                          0.001, 0.005, 0.025, 0.1,  1.0};
constexpr std::array kConnectBounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                       0.1,    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};
constexpr std::array kLoopLagBounds = {1e-4, 500e-6, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0};

constexpr MetricInfo counter(Metric metric, const char* name, const char* help,
                             std::span<const char* const> labels = {}) {
  return {metric, name, MetricType::counter, help, labels, {}};
}
constexpr MetricInfo gauge(Metric metric, const char* name, const char* help,
                           std::span<const char* const> labels = {}) {
  return {metric, name, MetricType::gauge, help, labels, {}};
}
constexpr MetricInfo histogram(Metric metric, const char* name, const char* help,
                               std::span<const double> bounds,
                               std::span<const char* const> labels = {}) {
  return {metric, name, MetricType::histogram, help, labels, bounds};
}

using enum Metric;

constexpr std::array<MetricInfo, kMetricCount> kTable = {
    counter(operations_total, "parallax_operations_total",
            "Operations matched to the rule, in operations; equals verdicts + skipped + dropped + "
            "in flight.",
            kRule),
    counter(verdicts_total, "parallax_verdicts_total",
            "Operations whose legacy and rewrite were compared, in operations, by verdict.",
            kRuleVerdict),
    counter(skipped_total, "parallax_skipped_total",
            "Operations that were matched and not compared, in operations, by reason.",
            kRuleReason),
    counter(dropped_total, "parallax_dropped_total",
            "Operations that were lost before the comparison, in operations, by reason.",
            kRuleReason),
    gauge(in_flight, "parallax_in_flight",
          "Operations that are matched and have no outcome yet, in operations.", kRule),
    counter(mismatches_total, "parallax_mismatches_total",
            "Mismatches in operations, by the first kind of difference found.", kRuleKind),
    counter(vacuous_matches_total, "parallax_vacuous_matches_total",
            "Matches without a row: two empty results, or the same error; in operations. They also "
            "count as matches.",
            kRule),
    counter(equalized_total, "parallax_equalized_total",
            "Matches in operations, by a step that made the two results equal.", kRuleStep),
    counter(rule_statements_total, "parallax_rule_statements_total",
            "Statements of the client that belong to the rule, by side of the rule.", kRuleSide),
    counter(
        orphan_statements_total, "parallax_orphan_statements_total",
        "Statements that could belong to an operation of several and belong to none, by reason.",
        kReason),
    counter(unknown_tagged_total, "parallax_unknown_tagged_total",
            "Statements that are tagged as the rule's operation and that no rule knows.", kRule),
    counter(statements_total, "parallax_statements_total",
            "Statements of clients, by protocol and by whether a rule covers them.",
            kProtocolCovered),
    histogram(live_duration_seconds, "parallax_live_duration_seconds",
              "Duration in seconds of the rule's statements as the client saw it.",
              kStatementBounds, kRuleSide),
    histogram(paired_duration_seconds, "parallax_paired_duration_seconds",
              "Duration in seconds of both sides of the rule inside one snapshot.",
              kStatementBounds, kRuleSide),
    histogram(proxy_overhead_seconds, "parallax_proxy_overhead_seconds",
              "Time in seconds from the end of a read to the end of the write of the same bytes.",
              kOverheadBounds),
    histogram(comparison_duration_seconds, "parallax_comparison_duration_seconds",
              "Time in seconds to compare the results of one operation.", kComparisonBounds),
    gauge(queue_jobs, "parallax_queue_jobs",
          "Operations that wait for the shadow side, in operations."),
    gauge(queue_jobs_limit, "parallax_queue_jobs_limit",
          "Most operations that may wait for the shadow side, in operations."),
    gauge(queue_bytes, "parallax_queue_bytes",
          "Size of the operations that wait for the shadow side, in bytes."),
    gauge(queue_bytes_limit, "parallax_queue_bytes_limit",
          "Largest size of the operations that may wait for the shadow side, in bytes."),
    gauge(shadow_connections, "parallax_shadow_connections",
          "Connections of the shadow pool, in connections, by state.", kState),
    gauge(shadow_connections_limit, "parallax_shadow_connections_limit",
          "Most connections that the shadow pool may hold, in connections."),
    gauge(shadow_replays_limit, "parallax_shadow_replays_limit",
          "Most replays that may be under way at once, as the governor lets them now."),
    gauge(governor_pressure_ratio, "parallax_governor_pressure_ratio",
          "How much of its limit a sign has reached; above 1 the governor takes load back.", kSign),
    gauge(sample_ratio, "parallax_sample_ratio",
          "Share of the rule's operations that are shadowed, as a ratio from 0 to 1.", kRule),
    gauge(rule_mode, "parallax_rule_mode", "1 for the mode that the rule is in, otherwise 0.",
          kRuleMode),
    gauge(mode_override, "parallax_mode_override",
          "1 for the mode that the switch has set, otherwise 0; all 0: the configuration's hold.",
          kMode),
    gauge(rule_state, "parallax_rule_state",
          "1 for the state that verification gave the rule, otherwise 0.", kRuleState),
    gauge(rule_info, "parallax_rule_info",
          "Always 1; the version is a hash of all that the rule compares.", kRuleVersion),
    gauge(sessions, "parallax_sessions", "Client connections that are open, in sessions."),
    counter(client_connection_outcomes_total, "parallax_client_connection_outcomes_total",
            "Client connections that ended, in connections, by outcome.", kOutcome),
    counter(errors_to_clients_total, "parallax_errors_to_clients_total",
            "Error responses sent to clients, in messages, by who made them.", kOrigin),
    counter(bytes_forwarded_total, "parallax_bytes_forwarded_total",
            "Bytes forwarded between clients and the upstream, in bytes, by direction.",
            kDirection),
    counter(tap_desync_total, "parallax_tap_desync_total",
            "Sessions that are forwarded and no longer interpreted, in sessions."),
    histogram(upstream_connect_duration_seconds, "parallax_upstream_connect_duration_seconds",
              "Time in seconds until a connection to the upstream was open.", kConnectBounds),
    counter(auth_failures_total, "parallax_auth_failures_total",
            "Sessions that ended before the upstream accepted their authentication, in sessions."),
    counter(journal_errors_total, "parallax_journal_errors_total",
            "Lines that the journal has lost, and other errors of its files."),
    histogram(loop_lag_seconds, "parallax_loop_lag_seconds",
              "Delay in seconds of a periodic timer of the event loop.", kLoopLagBounds, kLoop),
    gauge(tls_certificate_expiry_timestamp_seconds,
          "parallax_tls_certificate_expiry_timestamp_seconds",
          "End of the certificate that the listener shows, in seconds since the Unix epoch.",
          kListener),
    gauge(config_last_reload_successful, "parallax_config_last_reload_successful",
          "1 when the configuration was taken as it was last read, otherwise 0."),
    gauge(config_last_reload_success_timestamp_seconds,
          "parallax_config_last_reload_success_timestamp_seconds",
          "When a configuration was last taken, in seconds since the Unix epoch."),
    gauge(build_info, "parallax_build_info", "Always 1; the version of the running program.",
          kVersion),
    counter(process_cpu_seconds_total, "process_cpu_seconds_total",
            "User and system CPU time of the process, in seconds."),
    gauge(process_resident_memory_bytes, "process_resident_memory_bytes",
          "Resident memory of the process, in bytes."),
    gauge(process_virtual_memory_bytes, "process_virtual_memory_bytes",
          "Virtual memory of the process, in bytes."),
    gauge(process_open_fds, "process_open_fds",
          "File descriptors that the process has open, in descriptors."),
    gauge(process_max_fds, "process_max_fds",
          "Most file descriptors that the process may open, in descriptors."),
    gauge(process_start_time_seconds, "process_start_time_seconds",
          "Start of the process, in seconds since the Unix epoch."),
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].metric) != i) return false;
  }
  return true;
}
static_assert(in_order(), "the table has one row for each metric, in the enum's order");

}  // namespace

const MetricInfo& info(Metric metric) { return kTable[static_cast<std::size_t>(metric)]; }

}  // namespace parallax::metrics
