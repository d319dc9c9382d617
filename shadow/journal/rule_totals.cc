#include "shadow/journal/rule_totals.h"

#include <algorithm>

namespace parallax::shadow {
namespace {

template <std::size_t kSize>
std::array<std::uint64_t, kSize> read_all(const std::array<metrics::Counter, kSize>& counters,
                                          const metrics::Registry& registry) {
  std::array<std::uint64_t, kSize> values{};
  for (std::size_t i = 0; i < kSize; ++i) values[i] = registry.value(counters[i]);
  return values;
}

template <typename Values>
Values difference(Values values, const Values& before) {
  for (std::size_t i = 0; i < before.size(); ++i) values[i] -= before[i];
  return values;
}

metrics::HistogramValue difference(metrics::HistogramValue value,
                                   const metrics::HistogramValue& before) {
  value.counts = difference(std::move(value.counts), before.counts);
  value.seconds -= before.seconds;
  return value;
}

template <typename Values>
bool any_of(const Values& values) {
  return std::ranges::any_of(values, [](std::uint64_t value) { return value != 0; });
}

}  // namespace

RuleTotals RuleTotals::read(const RuleMetrics& metrics, const metrics::Registry& registry) {
  RuleTotals totals;
  totals.operations = registry.value(metrics.operations);
  totals.verdicts = read_all(metrics.verdicts, registry);
  totals.skipped = read_all(metrics.skipped, registry);
  totals.dropped = read_all(metrics.dropped, registry);
  totals.kinds = read_all(metrics.mismatches, registry);
  totals.equalized = read_all(metrics.equalized, registry);
  totals.vacuous = registry.value(metrics.vacuous_matches);
  const auto& legacy = metrics.of(Side::legacy);
  const auto& rewrite = metrics.of(Side::rewrite);
  totals.live = registry.value(legacy.live_duration);
  totals.live_rewrite = registry.value(rewrite.live_duration);
  totals.legacy = registry.value(legacy.paired_duration);
  totals.rewrite = registry.value(rewrite.paired_duration);
  return totals;
}

RuleTotals RuleTotals::since(const RuleTotals& before) const {
  RuleTotals more;
  more.operations = operations - before.operations;
  more.verdicts = difference(verdicts, before.verdicts);
  more.skipped = difference(skipped, before.skipped);
  more.dropped = difference(dropped, before.dropped);
  more.kinds = difference(kinds, before.kinds);
  more.equalized = difference(equalized, before.equalized);
  more.vacuous = vacuous - before.vacuous;
  more.live = difference(live, before.live);
  more.live_rewrite = difference(live_rewrite, before.live_rewrite);
  more.legacy = difference(legacy, before.legacy);
  more.rewrite = difference(rewrite, before.rewrite);
  return more;
}

bool RuleTotals::any() const {
  return operations != 0 || any_of(verdicts) || any_of(skipped) || any_of(dropped);
}

}  // namespace parallax::shadow
