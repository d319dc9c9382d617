#include "shadow/breakers.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace parallax::shadow {

namespace {

// One rule that goes wrong opens its own breaker first: what it adds until then, with those under
// way, is less than this. Slow replays are a matter of all only when most are.
Breaker::Limits limits_of_all(std::size_t connections) {
  const auto under_way = static_cast<std::uint32_t>(std::min<std::size_t>(connections, 1'000));
  return {2 * Breaker::kOfRule.costly_in_row + under_way,
          std::max(Breaker::kRecent * 3 / 4, Breaker::kOfRule.costly_of_recent),
          Breaker::kPaired / 2};
}

}  // namespace

Breakers::Breakers(std::size_t rules, std::size_t connections, Changed changed)
    : of_rules_(rules, Breaker(Breaker::kOfRule)),
      of_all_(limits_of_all(connections)),
      changed_(std::move(changed)) {}

bool Breakers::admits(const Rule& rule, std::uint64_t now_ns) const {
  return of_all_.admits(now_ns) && of_rules_[rule.index].admits(now_ns);
}

Breakers::Tickets Breakers::begin(const Rule& rule, std::uint64_t now_ns) {
  return {of_rules_[rule.index].begin(now_ns), of_all_.begin(now_ns)};
}

void Breakers::ended(const Rule& rule, const Tickets& tickets, const Breaker::Replay& replay,
                     std::uint64_t now_ns) {
  if (const auto change = of_rules_[rule.index].ended(tickets.rule, replay, now_ns))
    changed_(&rule, *change);
  if (const auto change = of_all_.ended(tickets.all, replay, now_ns)) changed_(nullptr, *change);
}

bool is_costly(const decltype(Outcome::end)& end) {
  if (const auto* verdict = std::get_if<Verdict>(&end)) return *verdict == Verdict::timeout;
  const auto* skip = std::get_if<SkipReason>(&end);
  return skip != nullptr && (*skip == SkipReason::server || *skip == SkipReason::too_large);
}

}  // namespace parallax::shadow
