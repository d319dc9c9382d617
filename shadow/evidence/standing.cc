#include "shadow/evidence/standing.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <utility>

#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

RuleStanding standing_of(const std::string& name, const RuleEvidence& evidence,
                         const std::string& version) {
  RuleStanding standing;
  standing.rule = name;
  standing.current.version = version;
  for (const auto& [of, seen] : evidence.versions) {
    if (of == version) {
      standing.current = seen;
    } else {
      standing.others.push_back(seen);
    }
  }
  std::ranges::sort(standing.others, [](const auto& a, const auto& b) { return a.last > b.last; });
  return standing;
}

// Differences that nobody wants any more, and that no verdict has condemned yet.
void require_expectations_in_force(RuleStanding& standing, const Rule& rule) {
  const auto expected = standing.current.verdict("expected");
  if (expected == 0) return;
  const auto today = today_utc();
  for (const Expectation& expectation : rule.source.expect) {
    if (expectation.in_force(today)) continue;
    standing.missing.push_back(
        concat({std::to_string(expected), expected == 1 ? " difference was" : " differences were",
                " expected, and an expectation has ended since: remove it, or move its `until`"}));
    return;
  }
}

// The reason lies in the operation or its session, not in sampling, the switch or the servers:
// others like it are not compared either.
bool is_exclusion(std::string_view reason) {
  constexpr std::array<std::string_view, 10> kExclusions = {
      "context",    "rights",    "txn_wrote", "temp_objects", "too_large",
      "incomplete", "ambiguous", "one_way",   "desync",       "other_database"};
  return std::ranges::find(kExclusions, reason) != kExclusions.end();
}

Standings empty_standings(const JournalEvidence& evidence, const RuleSet* rules) {
  Standings standings;
  if (rules == nullptr) {
    for (const auto& [name, seen] : evidence.rules)
      standings.rules.push_back(standing_of(name, seen, seen.newest()->version));
    return standings;
  }
  std::set<std::string> configured;
  for (const auto& rule : rules->rules()) {
    configured.insert(rule->name);
    const auto found = evidence.rules.find(rule->name);
    const auto& seen = found == evidence.rules.end() ? RuleEvidence{} : found->second;
    standings.rules.push_back(standing_of(rule->name, seen, rule->version));
    standings.rules.back().part_of = rule->source.part_of;
  }
  for (const auto& [name, seen] : evidence.rules) {
    if (!configured.contains(name)) standings.not_configured.push_back(name);
  }
  return standings;
}

void add_groups(Standings& standings) {
  std::map<std::string, GroupStanding> groups;
  for (const auto& rule : standings.rules) {
    for (const auto& name : rule.part_of) {
      auto& group = groups[name];
      group.name = name;
      group.rules.push_back(rule.rule);
      if (!rule.good()) group.not_good.push_back(rule.rule);
    }
  }
  for (auto& [name, group] : groups) standings.groups.push_back(std::move(group));
}

void add_failures(RuleStanding& standing) {
  const auto& seen = standing.current;
  for (const auto& [verdict, one, many] :
       {std::array<std::string_view, 3>{"mismatch", " mismatch", " mismatches"},
        std::array<std::string_view, 3>{"rewrite_error", " error of the rewrite",
                                        " errors of the rewrite"}}) {
    const auto count = seen.verdict(verdict);
    if (count != 0)
      standing.failures.push_back(concat({std::to_string(count), count == 1 ? one : many}));
  }
}

void add_other_versions(RuleStanding& standing) {
  for (const auto& other : standing.others) {
    standing.notes.push_back(
        concat({std::to_string(other.comparisons()), " comparisons of version ", other.version,
                " do not count: the rule is now ", standing.current.version}));
  }
  if (standing.current.distinct.size() > 1)
    standing.notes.push_back(concat(
        {"journals under ", std::to_string(standing.current.distinct.size()),
         " keys: their distinct parameters cannot be put together, the greatest number counts"}));
}

std::string percent(double share) { return short_number(share * 100) + " %"; }

void need(RuleStanding& standing, bool met, std::initializer_list<std::string_view> parts) {
  if (!met) standing.missing.push_back(concat(parts));
}

void require_shares(RuleStanding& standing, const ReadyCriteria& criteria) {
  const auto& seen = standing.current;
  const auto vacuous = seen.vacuous_share();
  need(standing, vacuous <= criteria.max_vacuous,
       {percent(vacuous),
        " of its matches compared no row (two empty results, or the same error), at most ",
        percent(criteria.max_vacuous), " may"});
  const auto all = seen.verdicts_total();
  const auto unsettled = seen.verdict("unstable") + seen.verdict("race") + seen.verdict("timeout");
  const auto share = all == 0 ? 0 : static_cast<double>(unsettled) / static_cast<double>(all);
  need(standing, share <= criteria.max_unsettled,
       {percent(share), " of its verdicts settle nothing (",
        std::to_string(seen.verdict("unstable")), " unstable, ",
        std::to_string(seen.verdict("race")), " race, ", std::to_string(seen.verdict("timeout")),
        " timeout), at most ", percent(criteria.max_unsettled), " may"});
}

// The operations that are never compared may be those that differ.
void require_comparable(RuleStanding& standing, const ReadyCriteria& criteria) {
  const auto& seen = standing.current;
  std::uint64_t excluded = 0;
  std::string reasons;
  for (const auto& [reason, count] : seen.skipped) {
    if (!is_exclusion(reason) || count == 0) continue;
    excluded += count;
    reasons.append(concat({reasons.empty() ? "" : ", ", reason, " ", std::to_string(count)}));
  }
  if (excluded == 0) return;
  const auto share =
      static_cast<double>(excluded) / static_cast<double>(excluded + seen.verdicts_total());
  const std::string what =
      concat({percent(share), " of what could be compared was not, for a reason of its own (",
              reasons, ")"});
  if (share <= criteria.max_uncompared) {
    standing.notes.push_back(what);
  } else {
    standing.missing.push_back(
        concat({what, ", at most ", percent(criteria.max_uncompared), " may"}));
  }
}

void require_latency(RuleStanding& standing, const ReadyCriteria& criteria) {
  const auto ratio = standing.current.latency_ratio();
  if (!ratio) {
    standing.missing.push_back("no latency was taken of both sides in one snapshot yet");
    return;
  }
  need(standing, *ratio <= criteria.max_latency_ratio,
       {"the rewrite takes ", short_number(*ratio),
        " times as long as legacy in one snapshot, at most ",
        short_number(criteria.max_latency_ratio), " times may"});
}

void require_values(RuleStanding& standing, const ReadyCriteria& criteria) {
  const auto& seen = standing.current;
  if (seen.names.empty()) return;  // without a name there is one set of parameters, and no other
  const auto distinct = seen.distinct_estimate();
  need(standing, distinct >= criteria.min_distinct,
       {std::to_string(distinct), " different sets of parameters, needs ",
        std::to_string(criteria.min_distinct)});
  for (const auto& [name, met] : seen.names) {
    if (!met.is_list()) continue;
    need(standing, met.many != 0, {"the list :", name, " never had more than one member"});
    if (met.none == 0) standing.notes.push_back(concat({"the list :", name, " was never empty"}));
  }
}

void add_bound(RuleStanding& standing) {
  const auto& seen = standing.current;
  if (seen.failures() != 0 || seen.verdict("match") == 0) return;
  std::string note = concat({"no difference in ", std::to_string(seen.verdict("match")),
                             " matches: at most ", percent(failure_bound(seen.verdict("match"))),
                             " of operations like these differ (95 %)"});
  if (const auto expected = seen.verdict("expected"); expected != 0)
    note.append(
        concat({"; ", std::to_string(expected), " expected differences are not among them"}));
  standing.notes.push_back(std::move(note));
}

void judge_ready(RuleStanding& standing, const JournalEvidence& evidence,
                 const ReadyCriteria& criteria) {
  const auto& seen = standing.current;
  if (const auto state = evidence.bad_state(seen); !state.empty())
    standing.failures.push_back(concat({"the rule is ", state}));
  need(standing, seen.comparisons() >= criteria.min_comparisons,
       {std::to_string(seen.comparisons()), " comparisons, needs ",
        std::to_string(criteria.min_comparisons)});
  // Of what was never compared there is nothing more to say.
  if (seen.comparisons() == 0) return;
  require_values(standing, criteria);
  require_shares(standing, criteria);
  require_comparable(standing, criteria);
  require_latency(standing, criteria);
  add_bound(standing);
}

void add_power(RuleStanding& standing, const RulePower& power, const ReadyCriteria& criteria) {
  standing.power = power;
  if (!criteria.min_power) return;
  if (!power.unknown.empty()) {
    standing.missing.push_back(concat({"its power is not known: ", power.unknown}));
    return;
  }
  need(standing, power.share() >= *criteria.min_power,
       {percent(power.share()), " of the planted mistakes were caught, at least ",
        percent(*criteria.min_power), " must be"});
}

}  // namespace

bool Standings::good() const { return good_rules() == rules.size(); }

std::size_t Standings::good_rules() const {
  return static_cast<std::size_t>(std::ranges::count_if(rules, &RuleStanding::good));
}

Standings report_standings(const JournalEvidence& evidence, const RuleSet* rules,
                           const ReportRequirements& requirements) {
  auto standings = empty_standings(evidence, rules);
  const auto is_told = [](const RuleStanding& standing) {
    return !standing.others.empty() || standing.current.first != EvidenceTime::max();
  };
  // Where no line tells of any rule, none has been compared enough.
  const bool all = requirements.every_rule || std::ranges::none_of(standings.rules, is_told);
  for (auto& standing : standings.rules) {
    add_failures(standing);
    add_other_versions(standing);
    if (!all && !is_told(standing)) continue;
    const auto compared = standing.current.comparisons();
    need(standing, compared >= requirements.min_comparisons,
         {std::to_string(compared), compared == 1 ? " comparison" : " comparisons", ", needs ",
          std::to_string(requirements.min_comparisons)});
  }
  add_groups(standings);
  return standings;
}

Standings ready_standings(const JournalEvidence& evidence, const RuleSet* rules,
                          const ReadyCriteria& criteria,
                          const std::map<std::string, RulePower>& powers) {
  auto standings = empty_standings(evidence, rules);
  for (std::size_t i = 0; i < standings.rules.size(); ++i) {
    auto& standing = standings.rules[i];
    add_failures(standing);
    judge_ready(standing, evidence, criteria);
    if (rules != nullptr) require_expectations_in_force(standing, *rules->rules()[i]);
    const auto power = powers.find(standing.rule);
    if (power != powers.end()) add_power(standing, power->second, criteria);
    add_other_versions(standing);
  }
  add_groups(standings);
  return standings;
}

double failure_bound(std::uint64_t matches) {
  return matches < 3 ? 1 : 3 / static_cast<double>(matches);
}

std::string short_number(double value) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.3g", value);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace parallax::shadow
