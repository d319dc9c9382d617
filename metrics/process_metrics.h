#pragma once

// What every Prometheus client tells of its process (process_*), read at each scrape.

#include "metrics/registry.h"

namespace parallax::metrics {

// CPU time and start in seconds, memory in bytes, descriptors as counts; from /proc/self, getrlimit
// and the process's CPU clock. See
// https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
void add_process_metrics(Registry& registry);

}  // namespace parallax::metrics
