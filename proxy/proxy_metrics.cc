#include "proxy/proxy_metrics.h"

#include <string>

namespace parallax::proxy {

using metrics::Metric;

ProxyMetrics::ProxyMetrics(metrics::Registry& registry)
    : sessions(registry.gauge(Metric::sessions)),
      errors_from_parallax(registry.counter(Metric::errors_to_clients_total, {"parallax"})),
      errors_from_server(registry.counter(Metric::errors_to_clients_total, {"server"})),
      bytes_to_server(registry.counter(Metric::bytes_forwarded_total, {"to_server"})),
      bytes_to_client(registry.counter(Metric::bytes_forwarded_total, {"to_client"})),
      overhead(registry.histogram(Metric::proxy_overhead_seconds)),
      upstream_connect(registry.histogram(Metric::upstream_connect_duration_seconds)),
      auth_failures(registry.counter(Metric::auth_failures_total)),
      desyncs(registry.counter(Metric::tap_desync_total)) {
  for (const auto reason : kCloseReasons) {
    outcomes[static_cast<std::size_t>(reason)] =
        registry.counter(Metric::client_connection_outcomes_total, {std::string(name(reason))});
  }
}

}  // namespace parallax::proxy
