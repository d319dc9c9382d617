#pragma once

// Handles of the series that sessions and workers write.

#include <array>

#include "metrics/registry.h"
#include "proxy/close_reason.h"

namespace parallax::proxy {

struct ProxyMetrics {
  explicit ProxyMetrics(metrics::Registry& registry);

  metrics::Gauge sessions;
  std::array<metrics::Counter, kCloseReasons.size()> outcomes;  // by enum value
  metrics::Counter errors_from_parallax;
  metrics::Counter errors_from_server;
  metrics::Counter bytes_to_server;
  metrics::Counter bytes_to_client;
  metrics::Histogram overhead;
  metrics::Histogram upstream_connect;
  metrics::Counter auth_failures;
  metrics::Counter desyncs;
};

}  // namespace parallax::proxy
