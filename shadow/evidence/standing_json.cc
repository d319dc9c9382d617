#include "shadow/evidence/standing_json.h"

#include <cmath>

#include "shadow/journal/journal_json.h"

namespace parallax::shadow {

namespace {

// To nine decimals: what sums of fractions come to hangs on their order, which is that of the
// files.
double rounded(double value) { return std::round(value * 1e9) / 1e9; }

JournalJson latency_json(const LatencyEvidence& latency) {
  JournalJson json;
  json["observations"] = latency.observations();
  json["mean_seconds"] = rounded(latency.mean());
  json["p50_seconds"] = latency.quantile(0.5);
  json["p95_seconds"] = latency.quantile(0.95);
  return json;
}

JournalJson row_json(const std::optional<EvidenceExample::Row>& row) {
  if (!row) return nullptr;
  auto json = JournalJson::array();
  for (const auto& cell : *row) json.push_back(cell ? JournalJson(*cell) : JournalJson(nullptr));
  return json;
}

JournalJson example_json(const EvidenceExample& example) {
  JournalJson json;
  json["id"] = example.id;
  json["time"] = journal_time(example.time);
  json["verdict"] = example.verdict;
  if (!example.kind.empty()) json["kind"] = example.kind;
  if (!example.detail.empty()) json["detail"] = example.detail;
  if (!example.legacy_sqlstate.empty()) json["legacy_sqlstate"] = example.legacy_sqlstate;
  if (!example.rewrite_sqlstate.empty()) json["rewrite_sqlstate"] = example.rewrite_sqlstate;
  json["legacy_rows"] = example.legacy_rows;
  json["rewrite_rows"] = example.rewrite_rows;
  json["values"] = example.full_values ? "full" : "hashed";
  json["parameters"] = JournalJson::object();
  for (const auto& [name, value] : example.parameters)
    json["parameters"][name] = JournalJson::parse(value, nullptr, false);
  json["columns"] = example.columns;
  json["differences"] = JournalJson::array();
  for (const auto& one : example.differences) {
    json["differences"].push_back(
        {{"kind", one.kind}, {"legacy", row_json(one.legacy)}, {"rewrite", row_json(one.rewrite)}});
  }
  return json;
}

JournalJson names_json(const VersionEvidence& seen) {
  auto names = JournalJson::object();
  for (const auto& [name, met] : seen.names) {
    names[name]["nulls"] = met.nulls;
    if (met.is_list())
      names[name]["lengths"] = {{"none", met.none}, {"one", met.one}, {"many", met.many}};
  }
  return names;
}

JournalJson version_json(const VersionEvidence& seen) {
  JournalJson json;
  json["version"] = seen.version;
  const bool any = seen.first != EvidenceTime::max();
  json["first"] = any ? JournalJson(journal_time(seen.first)) : JournalJson(nullptr);
  json["last"] = any ? JournalJson(journal_time(seen.last)) : JournalJson(nullptr);
  json["instances"] = seen.instances.size();
  json["operations"] = seen.operations;
  json["comparisons"] = seen.comparisons();
  json["verdicts"] = seen.verdicts();
  json["kinds"] = seen.kinds;
  json["skipped"] = seen.skipped;
  json["dropped"] = seen.dropped;
  json["equalized"] = seen.equalized;
  json["vacuous"] = seen.vacuous;
  json["distinct"] = seen.distinct_estimate();
  json["names"] = names_json(seen);
  json["legacy"] = latency_json(seen.legacy);
  json["rewrite"] = latency_json(seen.rewrite);
  const auto ratio = seen.latency_ratio();
  json["latency_ratio"] = ratio ? JournalJson(rounded(*ratio)) : JournalJson(nullptr);
  return json;
}

JournalJson power_json(const RulePower& power) {
  JournalJson json;
  json["unknown"] = power.unknown.empty() ? JournalJson(nullptr) : JournalJson(power.unknown);
  json["operations"] = power.operations;
  json["left_out"] = power.left_out;
  json["planted"] = power.planted;
  json["caught"] = power.caught;
  json["refused"] = power.refused;
  json["share"] = power.unknown.empty() ? JournalJson(power.share()) : JournalJson(nullptr);
  json["survivors"] = power.survivors;
  json["undecided"] = JournalJson::array();
  for (const auto& one : power.undecided)
    json["undecided"].push_back({{"mistake", one.mistake}, {"why", one.why}});
  json["not_planted"] = power.not_planted;
  return json;
}

JournalJson rule_json(const RuleStanding& standing) {
  JournalJson json;
  json["rule"] = standing.rule;
  json["good"] = standing.good();
  json["failures"] = standing.failures;
  json["missing"] = standing.missing;
  json["notes"] = standing.notes;
  json["part_of"] = standing.part_of;
  if (standing.power) json["power"] = power_json(*standing.power);
  json["current"] = version_json(standing.current);
  json["others"] = JournalJson::array();
  for (const auto& other : standing.others) json["others"].push_back(version_json(other));
  json["examples"] = JournalJson::array();
  for (const auto& one : standing.current.examples) json["examples"].push_back(example_json(one));
  return json;
}

}  // namespace

std::string standings_json(const Standings& standings, const JournalEvidence& evidence,
                           const std::string& command) {
  JournalJson json;
  json["command"] = command;
  json["good"] = standings.good();
  json["lines"] = evidence.lines;
  json["repeated"] = evidence.repeated;
  json["problems"] = evidence.problems_total;
  json["rules"] = JournalJson::array();
  for (const auto& standing : standings.rules) json["rules"].push_back(rule_json(standing));
  json["groups"] = JournalJson::array();
  for (const auto& group : standings.groups) {
    json["groups"].push_back({{"group", group.name},
                              {"good", group.not_good.empty()},
                              {"rules", group.rules},
                              {"not_good", group.not_good}});
  }
  json["not_configured"] = standings.not_configured;
  return json.dump(2, ' ', false, JournalJson::error_handler_t::replace) + '\n';
}

}  // namespace parallax::shadow
