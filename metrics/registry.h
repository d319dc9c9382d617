#pragma once

// All series of the program. Hot counters are plain cells in one array per thread (a shard): the
// writing thread adds without a lock and without an atomic read-modify-write, and a scrape sums the
// cells of all shards. prometheus-cpp's own Histogram takes a lock for each observation, which a
// proxy's hot path cannot afford.
//
// Series come from configuration and closed sets only. A series is exported at 0 from the moment it
// is added, which may be while the shards are written: cells are added in chunks that never move.

#include <prometheus/collectable.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/names.h"

namespace parallax::metrics {

// Handles: index of the first cell. A default-made handle is invalid.
struct Counter {
  std::uint32_t cell = UINT32_MAX;
};
struct Gauge {  // summed over shards: one thread may add what another subtracts
  std::uint32_t cell = UINT32_MAX;
};
struct Histogram {
  std::uint32_t cell = UINT32_MAX;
  std::span<const double> bounds;  // upper bounds in seconds, ascending, without +Inf
};

struct HistogramValue {
  std::vector<std::uint64_t> counts;  // by bucket, not cumulative; the last one is +Inf
  double seconds = 0;                 // their sum
};

// Written by one thread only; read by scrapes.
class Shard {
 public:
  Shard() = default;
  void add(Counter counter, std::uint64_t n = 1) noexcept { bump(counter.cell, n); }
  void add(Gauge gauge, std::int64_t n) noexcept {
    bump(gauge.cell, static_cast<std::uint64_t>(n));
  }
  void observe(Histogram histogram, double seconds) noexcept;

 private:
  friend class Registry;
  void bump(std::uint32_t cell, std::uint64_t n) noexcept {
    auto& value = cell_of(cell);
    value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  static constexpr std::size_t kChunkCells = 1024;
  static constexpr std::size_t kChunksMax = 4096;
  using Chunk = std::array<std::atomic<std::uint64_t>, kChunkCells>;

  // A handle comes to the writer from the thread that has added its cells, and the chunk with it.
  std::atomic<std::uint64_t>& cell_of(std::uint32_t cell) const noexcept {
    return (*chunks_[cell / kChunkCells].load(std::memory_order_acquire))[cell % kChunkCells];
  }
  // Under the registry's lock.
  void grow(std::size_t cells);

  std::array<std::atomic<Chunk*>, kChunksMax> chunks_{};
  std::vector<std::unique_ptr<Chunk>> owned_;
};

class Registry : public prometheus::Collectable {
 public:
  Registry();
  ~Registry() override;

  // `labels`: one value for each label name of the metric, in the table's order. Adding a series
  // twice returns the same handle; one that was hidden is shown again and goes on counting.
  Counter counter(Metric metric, std::vector<std::string> labels = {});
  Gauge gauge(Metric metric, std::vector<std::string> labels = {});
  Histogram histogram(Metric metric, std::vector<std::string> labels = {});
  // A gauge (or a counter kept elsewhere) that is read at each scrape, from civetweb's thread.
  void function(Metric metric, std::vector<std::string> labels, std::function<double()> read);

  // Of all series whose label `name` is one of `values`: counted ones are exported no more,
  // functions are forgotten. Each call goes through all series, whatever the number of values.
  void hide(std::string_view name, const std::set<std::string>& values);
  void forget_functions(std::string_view name, const std::set<std::string>& values);

  // The caller's thread is its only writer. Lives as long as the registry.
  Shard& make_shard();

  // Sum over all shards.
  std::uint64_t value(Counter counter) const;
  std::int64_t value(Gauge gauge) const;
  HistogramValue value(Histogram histogram) const;

  std::vector<prometheus::MetricFamily> Collect() const override;
  // Exposition in the Prometheus text format.
  std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parallax::metrics
