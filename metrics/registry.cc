#include "metrics/registry.h"

#include <prometheus/text_serializer.h>

#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <utility>

namespace parallax::metrics {
namespace {

// A histogram's cells: one for each bound, one for +Inf (none cumulative), then the sum in
// nanoseconds. The count is the sum of the buckets, so that a scrape in the middle of an
// observation is never inconsistent.
constexpr std::uint32_t histogram_cells(std::span<const double> bounds) {
  return static_cast<std::uint32_t>(bounds.size()) + 2;
}

std::uint64_t nanoseconds(double seconds) {
  if (!(seconds > 0)) return 0;  // clocks that ran backwards, NaN
  constexpr double kMost = 9e18;
  return static_cast<std::uint64_t>(std::min(seconds * 1e9, kMost));
}

}  // namespace

void Shard::observe(Histogram histogram, double seconds) noexcept {
  std::uint32_t bucket = 0;
  while (bucket < histogram.bounds.size() && !(seconds <= histogram.bounds[bucket])) ++bucket;
  bump(histogram.cell + bucket, 1);
  const auto sum_cell = histogram.cell + static_cast<std::uint32_t>(histogram.bounds.size()) + 1;
  bump(sum_cell, nanoseconds(seconds));
}

void Shard::grow(std::size_t cells) {
  if (cells > kChunkCells * kChunksMax) throw std::length_error("too many series");
  while (owned_.size() * kChunkCells < cells) {
    owned_.push_back(std::make_unique<Chunk>());
    chunks_[owned_.size() - 1].store(owned_.back().get(), std::memory_order_release);
  }
}

struct Registry::Impl {
  struct Series {
    Metric metric;
    std::vector<std::string> labels;
    std::uint32_t cell = UINT32_MAX;  // UINT32_MAX: `read` gives the value
    std::function<double()> read;
    bool hidden = false;
  };

  mutable std::mutex mutex;
  std::vector<Series> series;
  std::map<std::pair<Metric, std::vector<std::string>>, std::size_t> by_labels;
  std::uint32_t cells = 0;
  std::vector<std::unique_ptr<Shard>> shards;

  std::uint32_t add_cells(Metric metric, MetricType type, std::vector<std::string> labels,
                          std::uint32_t count);
  void check(Metric metric, const std::vector<std::string>& labels) const;
  static bool has_label(const Series& one, std::string_view name,
                        const std::set<std::string>& values);
  prometheus::ClientMetric collect(const Series& one) const;

  std::uint64_t sum(std::uint32_t cell) const {
    std::uint64_t total = 0;
    for (const auto& shard : shards) total += shard->cell_of(cell).load(std::memory_order_relaxed);
    return total;
  }
};

void Registry::Impl::check(Metric metric, const std::vector<std::string>& labels) const {
  if (labels.size() != info(metric).labels.size()) {
    throw std::logic_error(std::string("wrong number of labels for ") + info(metric).name);
  }
}

std::uint32_t Registry::Impl::add_cells(Metric metric, MetricType type,
                                        std::vector<std::string> labels, std::uint32_t count) {
  const std::lock_guard lock(mutex);
  check(metric, labels);
  if (info(metric).type != type) {
    throw std::logic_error(std::string("wrong type for ") + info(metric).name);
  }
  const auto known = by_labels.find({metric, labels});
  if (known != by_labels.end()) {
    series[known->second].hidden = false;
    return series[known->second].cell;
  }
  for (const auto& shard : shards) shard->grow(cells + count);
  by_labels.emplace(std::pair(metric, labels), series.size());
  series.push_back({metric, std::move(labels), cells, {}, false});
  cells += count;
  return series.back().cell;
}

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter Registry::counter(Metric metric, std::vector<std::string> labels) {
  return {impl_->add_cells(metric, MetricType::counter, std::move(labels), 1)};
}

Gauge Registry::gauge(Metric metric, std::vector<std::string> labels) {
  return {impl_->add_cells(metric, MetricType::gauge, std::move(labels), 1)};
}

Histogram Registry::histogram(Metric metric, std::vector<std::string> labels) {
  const auto bounds = info(metric).bounds;
  return {
      impl_->add_cells(metric, MetricType::histogram, std::move(labels), histogram_cells(bounds)),
      bounds};
}

void Registry::function(Metric metric, std::vector<std::string> labels,
                        std::function<double()> read) {
  const std::lock_guard lock(impl_->mutex);
  impl_->check(metric, labels);
  if (info(metric).type == MetricType::histogram) {
    throw std::logic_error(std::string("a histogram has no function: ") + info(metric).name);
  }
  if (!impl_->by_labels.emplace(std::pair(metric, labels), impl_->series.size()).second) {
    throw std::logic_error(std::string("series added twice: ") + info(metric).name);
  }
  impl_->series.push_back({metric, std::move(labels), UINT32_MAX, std::move(read), false});
}

bool Registry::Impl::has_label(const Series& one, std::string_view name,
                               const std::set<std::string>& values) {
  const auto& names = info(one.metric).labels;
  for (std::size_t i = 0; i < one.labels.size(); ++i) {
    if (names[i] == name && values.contains(one.labels[i])) return true;
  }
  return false;
}

void Registry::hide(std::string_view name, const std::set<std::string>& values) {
  const std::lock_guard lock(impl_->mutex);
  for (auto& one : impl_->series) {
    if (one.cell != UINT32_MAX && Impl::has_label(one, name, values)) one.hidden = true;
  }
}

void Registry::forget_functions(std::string_view name, const std::set<std::string>& values) {
  const std::lock_guard lock(impl_->mutex);
  std::erase_if(impl_->series, [&](const Impl::Series& one) {
    return one.cell == UINT32_MAX && Impl::has_label(one, name, values);
  });
  impl_->by_labels.clear();
  for (std::size_t i = 0; i < impl_->series.size(); ++i) {
    impl_->by_labels.emplace(std::pair(impl_->series[i].metric, impl_->series[i].labels), i);
  }
}

Shard& Registry::make_shard() {
  const std::lock_guard lock(impl_->mutex);
  impl_->shards.push_back(std::make_unique<Shard>());
  impl_->shards.back()->grow(impl_->cells);
  return *impl_->shards.back();
}

std::uint64_t Registry::value(Counter counter) const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->sum(counter.cell);
}

std::int64_t Registry::value(Gauge gauge) const {
  const std::lock_guard lock(impl_->mutex);
  return static_cast<std::int64_t>(impl_->sum(gauge.cell));
}

HistogramValue Registry::value(Histogram histogram) const {
  const std::lock_guard lock(impl_->mutex);
  HistogramValue value;
  auto cell = histogram.cell;
  for (std::size_t i = 0; i <= histogram.bounds.size(); ++i)
    value.counts.push_back(impl_->sum(cell++));
  value.seconds = static_cast<double>(impl_->sum(cell)) * 1e-9;
  return value;
}

prometheus::ClientMetric Registry::Impl::collect(const Series& one) const {
  const MetricInfo& about = info(one.metric);
  prometheus::ClientMetric result;
  for (std::size_t i = 0; i < one.labels.size(); ++i) {
    result.label.push_back({about.labels[i], one.labels[i]});
  }
  const bool computed = one.cell == UINT32_MAX;
  switch (about.type) {
    case MetricType::counter:
      result.counter.value = computed ? one.read() : static_cast<double>(sum(one.cell));
      break;
    case MetricType::gauge:
      result.gauge.value =
          computed ? one.read() : static_cast<double>(static_cast<std::int64_t>(sum(one.cell)));
      break;
    case MetricType::histogram: {
      std::uint64_t count = 0;
      auto cell = one.cell;
      for (const double bound : about.bounds) {
        count += sum(cell++);
        result.histogram.bucket.push_back({count, bound});
      }
      count += sum(cell++);
      result.histogram.bucket.push_back({count, std::numeric_limits<double>::infinity()});
      result.histogram.sample_count = count;
      result.histogram.sample_sum = static_cast<double>(sum(cell)) * 1e-9;
      break;
    }
  }
  return result;
}

namespace {

prometheus::MetricType prometheus_type(MetricType type) {
  switch (type) {
    case MetricType::counter:
      return prometheus::MetricType::Counter;
    case MetricType::gauge:
      return prometheus::MetricType::Gauge;
    case MetricType::histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

}  // namespace

std::vector<prometheus::MetricFamily> Registry::Collect() const {
  const std::lock_guard lock(impl_->mutex);
  std::map<Metric, prometheus::MetricFamily> families;
  for (const auto& one : impl_->series) {
    if (one.hidden) continue;
    auto& family = families[one.metric];
    family.metric.push_back(impl_->collect(one));
  }
  std::vector<prometheus::MetricFamily> result;
  result.reserve(families.size());
  for (auto& [metric, family] : families) {
    const MetricInfo& about = info(metric);
    family.name = about.name;
    family.help = about.help;
    family.type = prometheus_type(about.type);
    result.push_back(std::move(family));
  }
  return result;
}

std::string Registry::text() const { return prometheus::TextSerializer().Serialize(Collect()); }

}  // namespace parallax::metrics
