#include <array>
#include <cmath>
#include <span>
#include <string>

#include "shadow/journal/journal_json.h"
#include "shadow/journal/journal_lines.h"

namespace parallax::shadow {
namespace {

// {"name": count} of those that are not 0.
template <typename Value, std::size_t kSize>
JournalJson counts_json(const std::array<Value, kSize>& set,
                        const std::array<std::uint64_t, kSize>& counts) {
  auto json = JournalJson::object();
  for (const Value value : set) {
    if (const auto count = counts[static_cast<std::size_t>(value)]; count != 0) {
      json[std::string(name(value))] = count;
    }
  }
  return json;
}

template <typename Bounds, typename Counts>
JournalJson buckets_json(const Bounds& bounds, const Counts& counts) {
  JournalJson json;
  json["le"] = JournalJson::array();
  for (const auto bound : bounds) json["le"].push_back(bound);
  json["counts"] = counts;
  return json;
}

void add_latency(JournalJson& line, const char* name, const metrics::HistogramValue& value,
                 metrics::Metric metric) {
  std::uint64_t all = 0;
  for (const auto count : value.counts) all += count;
  if (all == 0) return;
  line[name] = buckets_json(metrics::info(metric).bounds, value.counts);
  line[name]["seconds"] = value.seconds;
}

JournalJson names_json(const Evidence& evidence) {
  auto names = JournalJson::object();
  for (const auto& [name, seen] : evidence.names) {
    auto& json = names[name];
    json["nulls"] = seen.nulls;
    if (seen.lengths.lists == 0) continue;
    json["lengths"] = buckets_json(kListLengthBounds, seen.lengths.counts);
    json["lengths"]["min"] = seen.lengths.min;
    json["lengths"]["max"] = seen.lengths.max;
  }
  return names;
}

}  // namespace

std::string summary_line(const Rule& rule, const SummaryPeriod& period, const RuleTotals& totals,
                         const Evidence& evidence, const KeyedHash& hash) {
  auto line = begin_line("summary", period.to, rule, hash);
  line["from"] = journal_time(period.from);
  line["instance"] = period.instance;
  line["state"] = name(period.state);
  line["operations"] = totals.operations;
  line["verdicts"] = counts_json(kVerdicts, totals.verdicts);
  line["kinds"] = counts_json(kMismatchKinds, totals.kinds);
  line["skipped"] = counts_json(kSkipReasons, totals.skipped);
  line["dropped"] = counts_json(kDropReasons, totals.dropped);
  line["vacuous"] = totals.vacuous;
  line["equalized"] = counts_json(kEqualSteps, totals.equalized);
  using metrics::Metric;
  add_latency(line, "live", totals.live, Metric::live_duration_seconds);
  add_latency(line, "live_rewrite", totals.live_rewrite, Metric::live_duration_seconds);
  add_latency(line, "legacy", totals.legacy, Metric::paired_duration_seconds);
  add_latency(line, "rewrite", totals.rewrite, Metric::paired_duration_seconds);
  line["names"] = names_json(evidence);
  line["distinct"]["estimate"] = std::llround(evidence.distinct.estimate());
  line["distinct"]["sketch"] = evidence.distinct.text();
  line["suppressed"] = evidence.suppressed;
  return dumped(line);
}

std::string state_line(const Rule& rule, RuleState state, const std::string& instance,
                       JournalTime time, const KeyedHash& hash) {
  auto line = begin_line("state", time, rule, hash);
  line["instance"] = instance;
  line["state"] = name(state);
  return dumped(line);
}

}  // namespace parallax::shadow
