#include "metrics/registry.h"

#include <prometheus/metric_family.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "metrics/process_metrics.h"

namespace parallax::metrics {
namespace {

std::vector<std::string> some_labels(Metric metric) {
  return std::vector<std::string>(info(metric).labels.size(), "x");
}

bool is_process_metric(const std::string& name) { return name.rfind("process_", 0) == 0; }

void add_every_metric(Registry& registry) {
  add_process_metrics(registry);
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const auto metric = static_cast<Metric>(i);
    if (is_process_metric(info(metric).name)) continue;
    switch (info(metric).type) {
      case MetricType::counter:
        registry.counter(metric, some_labels(metric));
        break;
      case MetricType::gauge:
        registry.gauge(metric, some_labels(metric));
        break;
      case MetricType::histogram:
        registry.histogram(metric, some_labels(metric));
        break;
    }
  }
}

// Lines of the exposition that start with `name` followed by `{`, space or a suffix.
bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST_CASE("every metric has its row: name, help, labels, bounds") {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const MetricInfo& about = info(static_cast<Metric>(i));
    const std::string name = about.name;
    INFO(name);
    CHECK(names.insert(name).second);
    CHECK((is_process_metric(name) || name.rfind("parallax_", 0) == 0));
    CHECK(std::string(about.help).ends_with('.'));
    CHECK((about.type == MetricType::histogram) == !about.bounds.empty());
    CHECK((about.type == MetricType::counter) == name.ends_with("_total"));
    CHECK(std::is_sorted(about.bounds.begin(), about.bounds.end(), std::less_equal<>()));
    const bool per_rule = !about.labels.empty() && std::string(about.labels[0]) == "rule";
    if (per_rule) CHECK(about.bounds.size() + 1 <= 10);
  }
}

TEST_CASE("series exist at 0 from the moment they are added") {
  Registry registry;
  registry.counter(Metric::verdicts_total, {"r", "match"});
  registry.gauge(Metric::in_flight, {"r"});
  registry.histogram(Metric::comparison_duration_seconds);
  const std::string text = registry.text();
  CHECK(has_line(text, "parallax_verdicts_total{rule=\"r\",verdict=\"match\"} 0"));
  CHECK(has_line(text, "parallax_in_flight{rule=\"r\"} 0"));
  CHECK(has_line(text, "parallax_comparison_duration_seconds_count 0"));
  CHECK(has_line(text, "parallax_comparison_duration_seconds_bucket{le=\"+Inf\"} 0"));
  CHECK(text.find("parallax_sessions") == std::string::npos);  // not added
}

TEST_CASE("counters and gauges sum over shards") {
  Registry registry;
  const Counter counter = registry.counter(Metric::tap_desync_total);
  const Gauge gauge = registry.gauge(Metric::sessions);
  Shard& one = registry.make_shard();
  Shard& two = registry.make_shard();
  one.add(counter);
  two.add(counter, 5);
  one.add(gauge, 3);
  two.add(gauge, -4);  // one thread may subtract what another added
  CHECK(registry.value(counter) == 6);
  CHECK(registry.value(gauge) == -1);
  CHECK(has_line(registry.text(), "parallax_tap_desync_total 6"));
  CHECK(has_line(registry.text(), "parallax_sessions -1"));
}

TEST_CASE("a histogram's buckets are cumulative and inclusive; the sum is in seconds") {
  Registry registry;
  const Histogram histogram = registry.histogram(Metric::paired_duration_seconds, {"r", "legacy"});
  Shard& one = registry.make_shard();
  Shard& two = registry.make_shard();
  one.observe(histogram, 0.0005);  // equal to the first bound: in the first bucket
  two.observe(histogram, 0.0006);
  two.observe(histogram, 0.25);
  one.observe(histogram, 100.0);
  one.observe(histogram, -1.0);  // a clock that ran backwards counts, with nothing added to the sum
  one.observe(histogram, std::numeric_limits<double>::quiet_NaN());
  const auto families = registry.Collect();
  REQUIRE(families.size() == 1);
  REQUIRE(families[0].metric.size() == 1);
  const auto& collected = families[0].metric[0].histogram;
  REQUIRE(collected.bucket.size() == histogram.bounds.size() + 1);
  CHECK(collected.bucket[0].cumulative_count == 2);  // 0.0005, -1
  CHECK(collected.bucket[1].cumulative_count == 3);
  CHECK(collected.bucket[6].cumulative_count == 3);  // 0.05
  CHECK(collected.bucket[7].cumulative_count == 4);  // 0.25
  CHECK(collected.bucket[8].cumulative_count == 4);  // 1
  CHECK(collected.bucket[9].cumulative_count == 6);  // +Inf
  CHECK(collected.sample_count == 6);
  CHECK(collected.sample_sum == Approx(100.2511));
}

TEST_CASE("adding a series twice gives the same handle; other labels give another") {
  Registry registry;
  const Counter first = registry.counter(Metric::verdicts_total, {"r", "match"});
  CHECK(registry.counter(Metric::verdicts_total, {"r", "match"}).cell == first.cell);
  CHECK(registry.counter(Metric::verdicts_total, {"r", "race"}).cell != first.cell);
  CHECK(registry.counter(Metric::verdicts_total, {"s", "match"}).cell != first.cell);
}

TEST_CASE("functions are read at each scrape") {
  Registry registry;
  double value = 1;
  registry.function(Metric::queue_jobs, {}, [&value] { return value; });
  registry.function(Metric::build_info, {"0.1.0"}, [] { return 1.0; });
  CHECK(has_line(registry.text(), "parallax_queue_jobs 1"));
  CHECK(has_line(registry.text(), "parallax_build_info{version=\"0.1.0\"} 1"));
  value = 7;
  CHECK(has_line(registry.text(), "parallax_queue_jobs 7"));
}

TEST_CASE("misuse is refused") {
  Registry registry;
  CHECK_THROWS_AS(registry.counter(Metric::verdicts_total, {"r"}), std::logic_error);
  CHECK_THROWS_AS(registry.counter(Metric::sessions), std::logic_error);
  CHECK_THROWS_AS(registry.function(Metric::loop_lag_seconds, {"0"}, [] { return 0.0; }),
                  std::logic_error);
  registry.function(Metric::queue_jobs, {}, [] { return 0.0; });
  CHECK_THROWS_AS(registry.function(Metric::queue_jobs, {}, [] { return 0.0; }), std::logic_error);
  const Gauge known = registry.gauge(Metric::sessions);
  registry.make_shard();
  CHECK(registry.gauge(Metric::sessions).cell == known.cell);
}

TEST_CASE("series are added while shards are written, and no count moves") {
  Registry registry;
  const Counter first = registry.counter(Metric::operations_total, {"first"});
  Shard& shard = registry.make_shard();
  std::atomic<bool> stop{false};
  std::uint64_t written = 0;
  std::thread writer([&] {
    for (; !stop.load(); ++written) shard.add(first);
  });
  std::vector<Counter> more;
  for (int i = 0; i < 5000; ++i)
    more.push_back(registry.counter(Metric::operations_total, {std::to_string(i)}));
  stop = true;
  writer.join();
  CHECK(registry.value(first) == written);
  shard.add(more.back(), 3);
  CHECK(registry.value(more.back()) == 3);
  CHECK(registry.value(more[more.size() - 2]) == 0);
  Shard& late = registry.make_shard();
  late.add(more.back(), 4);
  CHECK(registry.value(more.back()) == 7);
}

TEST_CASE("series of a label are hidden, and go on counting when they are added again") {
  Registry registry;
  const Counter gone = registry.counter(Metric::operations_total, {"gone"});
  registry.counter(Metric::operations_total, {"stays"});
  registry.function(Metric::rule_info, {"gone", "1"}, [] { return 1.0; });
  Shard& shard = registry.make_shard();
  shard.add(gone, 2);
  registry.hide("rule", {"gone"});
  registry.forget_functions("rule", {"gone"});
  CHECK(registry.text().find("gone") == std::string::npos);
  CHECK(has_line(registry.text(), "parallax_operations_total{rule=\"stays\"} 0"));
  CHECK(registry.counter(Metric::operations_total, {"gone"}).cell == gone.cell);
  registry.function(Metric::rule_info, {"gone", "2"}, [] { return 1.0; });
  CHECK(has_line(registry.text(), "parallax_operations_total{rule=\"gone\"} 2"));
  CHECK(has_line(registry.text(), "parallax_rule_info{rule=\"gone\",version=\"2\"} 1"));
}

TEST_CASE("label values are escaped") {
  Registry registry;
  registry.gauge(Metric::in_flight, {"a\"b\\c\nd"});
  CHECK(has_line(registry.text(), "parallax_in_flight{rule=\"a\\\"b\\\\c\\nd\"} 0"));
}

TEST_CASE("scrapes while shards are written see a count that equals the last bucket") {
  Registry registry;
  const Histogram histogram = registry.histogram(Metric::proxy_overhead_seconds);
  Shard& shard = registry.make_shard();
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop.load()) shard.observe(histogram, 3e-6);
  });
  std::uint64_t last = 0;
  for (int i = 0; i < 200; ++i) {
    const auto families = registry.Collect();
    const auto& seen = families.at(0).metric.at(0).histogram;
    CHECK(seen.bucket.back().cumulative_count == seen.sample_count);
    CHECK(seen.sample_count >= last);
    last = seen.sample_count;
  }
  stop.store(true);
  writer.join();
}

TEST_CASE("promtool has nothing to say about any metric") {
  Registry registry;
  add_every_metric(registry);
  const std::string text = registry.text();
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    CHECK(text.find(std::string("# HELP ") + info(static_cast<Metric>(i)).name + " ") !=
          std::string::npos);
  }
  std::string path = "/tmp/parallax_metrics_XXXXXX";
  const int file = mkstemp(path.data());
  REQUIRE(file >= 0);
  std::ofstream(path) << text;
  FILE* promtool = popen(("promtool check metrics < " + path + " 2>&1").c_str(), "r");
  REQUIRE(promtool != nullptr);
  std::string said;
  for (int c = std::fgetc(promtool); c != EOF; c = std::fgetc(promtool)) {
    said.push_back(static_cast<char>(c));
  }
  const int status = pclose(promtool);
  std::remove(path.c_str());
  CHECK(said.empty());
  if (!said.empty()) FAIL(said);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("process metrics are those of this process") {
  Registry registry;
  add_process_metrics(registry);
  std::map<std::string, double> values;
  for (const auto& family : registry.Collect()) {
    const auto& metric = family.metric.at(0);
    values[family.name] =
        family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
  }
  CHECK(values.at("process_cpu_seconds_total") > 0);
  CHECK(values.at("process_cpu_seconds_total") < 3600);
  CHECK(values.at("process_resident_memory_bytes") > 500'000);
  CHECK(values.at("process_virtual_memory_bytes") >= values.at("process_resident_memory_bytes"));
  CHECK(values.at("process_max_fds") >= values.at("process_open_fds"));
  const auto now = static_cast<double>(time(nullptr));
  CHECK(values.at("process_start_time_seconds") > now - 3600);
  CHECK(values.at("process_start_time_seconds") <= now + 1);
  const double before = values.at("process_open_fds");
  FILE* one_more = std::fopen("/dev/null", "r");
  for (const auto& family : registry.Collect()) {
    if (family.name == "process_open_fds") CHECK(family.metric.at(0).gauge.value == before + 1);
  }
  std::fclose(one_more);
}

}  // namespace
}  // namespace parallax::metrics
