#include "shadow/evidence/rule_evidence.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace parallax::shadow {

std::uint64_t count_of(const NamedCounts& counts, std::string_view name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

std::uint64_t sum_of(const NamedCounts& counts) {
  std::uint64_t sum = 0;
  for (const auto& [name, count] : counts) sum += count;
  return sum;
}

void LatencyEvidence::merge(const LatencyEvidence& other) {
  for (const auto& [bound, count] : other.counts) counts[bound] += count;
  above += other.above;
  seconds += other.seconds;
}

std::uint64_t LatencyEvidence::observations() const {
  std::uint64_t all = above;
  for (const auto& [bound, count] : counts) all += count;
  return all;
}

double LatencyEvidence::mean() const {
  const auto all = observations();
  return all == 0 ? 0 : seconds / static_cast<double>(all);
}

double LatencyEvidence::quantile(double q) const {
  const auto wanted = q * static_cast<double>(observations());
  double before = 0;
  double lower = 0;
  for (const auto& [bound, count] : counts) {
    const auto inside = static_cast<double>(count);
    if (inside > 0 && before + inside >= wanted)
      return lower + (bound - lower) * (wanted - before) / inside;
    before += inside;
    lower = bound;
  }
  return above == 0 ? 0 : lower;
}

void NameEvidence::merge(const NameEvidence& other) {
  nulls += other.nulls;
  none += other.none;
  one += other.one;
  many += other.many;
}

void VersionEvidence::seen(EvidenceTime time) {
  first = std::min(first, time);
  last = std::max(last, time);
}

std::uint64_t VersionEvidence::verdict(std::string_view name) const {
  std::uint64_t all = 0;
  for (const auto& [instance, both] : told_by)
    all += std::max(count_of(both.summaries, name), count_of(both.lines, name));
  return all;
}

NamedCounts VersionEvidence::verdicts() const {
  NamedCounts counts;
  for (const auto& [instance, both] : told_by) {
    for (const auto* of : {&both.summaries, &both.lines}) {
      for (const auto& [name, count] : *of) counts[name] = verdict(name);
    }
  }
  return counts;
}

std::uint64_t VersionEvidence::comparisons() const {
  return verdict("match") + verdict("mismatch") + verdict("expected");
}

std::uint64_t VersionEvidence::failures() const {
  return verdict("mismatch") + verdict("rewrite_error");
}

std::uint64_t VersionEvidence::verdicts_total() const { return sum_of(verdicts()); }

std::uint64_t VersionEvidence::distinct_estimate() const {
  double most = 0;
  for (const auto& [key, sketch] : distinct) most = std::max(most, sketch.estimate());
  return static_cast<std::uint64_t>(std::llround(most));
}

double VersionEvidence::vacuous_share() const {
  const auto matches = verdict("match");
  return matches == 0 ? 0 : static_cast<double>(vacuous) / static_cast<double>(matches);
}

std::optional<double> VersionEvidence::latency_ratio() const {
  if (legacy.seconds <= 0 || rewrite.observations() == 0) return std::nullopt;
  return rewrite.mean() / legacy.mean();
}

const VersionEvidence* RuleEvidence::newest() const {
  const VersionEvidence* newest = nullptr;
  for (const auto& [version, evidence] : versions) {
    // Summaries of several instances have one time: then the one that began later.
    if (newest == nullptr ||
        std::pair(evidence.told, evidence.first) > std::pair(newest->told, newest->first))
      newest = &evidence;
  }
  return newest;
}

std::string JournalEvidence::bad_state(const VersionEvidence& version) const {
  for (const auto& [instance, bad] : version.states) {
    if (bad.state != "broken" && bad.state != "context_drift") continue;
    // Has another begun to serve the rule well since this instance was heard of last?
    const auto heard = instances.find(instance);
    const auto until = heard == instances.end() ? bad.time : std::max(bad.time, heard->second);
    const bool replaced = std::ranges::any_of(version.states, [&](const auto& other) {
      return other.second.state == "ready" && other.second.time > until;
    });
    if (!replaced) return bad.state;
  }
  return {};
}

}  // namespace parallax::shadow
