#pragma once

// What the evidence says of each rule: for `parallax report` whether anything failed, for `parallax
// ready` whether the rule may switch, and why not. Public face of shadow/.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shadow/evidence/rule_evidence.h"
#include "shadow/power/rule_power.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

struct RuleStanding {
  std::string rule;
  std::vector<std::string> part_of;
  VersionEvidence current;              // of the version that counts; empty where none was seen
  std::vector<VersionEvidence> others;  // which do not count, the latest first
  std::vector<std::string> failures;    // what went wrong, in words
  std::vector<std::string> missing;     // what is not shown yet, in words
  std::vector<std::string> notes;       // what is worth knowing
  std::optional<RulePower> power;       // where it was measured
  bool good() const { return failures.empty() && missing.empty(); }
};

// `part_of`: good when all its rules are.
struct GroupStanding {
  std::string name;
  std::vector<std::string> rules;
  std::vector<std::string> not_good;
};

struct Standings {
  std::vector<RuleStanding> rules;  // in file order; without a configuration by name
  std::vector<GroupStanding> groups;
  std::vector<std::string> not_configured;  // of the journals
  bool good() const;
  std::size_t good_rules() const;
};

struct ReportRequirements {
  std::uint64_t min_comparisons = 0;
  bool every_rule = false;  // also of rules that no line tells of
};
// `rules` null: the newest version of each rule counts.
Standings report_standings(const JournalEvidence& evidence, const RuleSet* rules,
                           const ReportRequirements& requirements);

struct ReadyCriteria {
  std::uint64_t min_comparisons = 1000;
  std::uint64_t min_distinct = 20;
  double max_vacuous = 0.5;         // of matches
  double max_unsettled = 0.1;       // unstable, race and timeout, of all verdicts
  double max_uncompared = 0.5;      // skipped for a reason of its own, of those and all verdicts
  double max_latency_ratio = 1.5;   // of the means, both in one snapshot
  std::optional<double> min_power;  // share of planted mistakes; nothing: it decides nothing
};
// `powers`: of the rules that it was measured of.
Standings ready_standings(const JournalEvidence& evidence, const RuleSet* rules,
                          const ReadyCriteria& criteria,
                          const std::map<std::string, RulePower>& powers = {});

// At 95 %, of a rule without a failure: no more than this share of operations differs. 1 without a
// match. (The rule of three: 0 in n leaves 3 / n.)
double failure_bound(std::uint64_t matches);

// Three significant digits.
std::string short_number(double value);

}  // namespace parallax::shadow
