#include "proxy/render_evidence.h"

#include <algorithm>

#include "proxy/row_table.h"
#include "proxy/text.h"
#include "shadow/rules/rule.h"

namespace parallax::proxy {

using shadow::NamedCounts;
using shadow::RuleStanding;
using shadow::Standings;
using shadow::VersionEvidence;

namespace {

std::string line(std::string_view name, const std::string& text) {
  if (text.empty()) return {};
  std::string out = "    ";
  out.append(name).append(name.size() < 11 ? 11 - name.size() : 1, ' ');
  return out.append(text).append("\n");
}

std::string latency_text(const VersionEvidence& seen) {
  const auto ratio = seen.latency_ratio();
  if (!ratio) return {};
  std::string out = "legacy p50 " + milliseconds_text(seen.legacy.quantile(0.5)) + ", p95 " +
                    milliseconds_text(seen.legacy.quantile(0.95));
  out += "; rewrite p50 " + milliseconds_text(seen.rewrite.quantile(0.5)) + ", p95 " +
         milliseconds_text(seen.rewrite.quantile(0.95));
  return out + "; means 1 : " + shadow::short_number(*ratio);
}

std::string names_text(const VersionEvidence& seen) {
  std::string out = std::to_string(seen.distinct_estimate()) + " different";
  for (const auto& [name, met] : seen.names) {
    out += "; " + escaped(name) + ": ";
    if (met.is_list())
      out += "lists of none " + std::to_string(met.none) + ", one " + std::to_string(met.one) +
             ", more " + std::to_string(met.many) + ", ";
    out += "NULL " + std::to_string(met.nulls);
  }
  return out;
}

std::string example_text(const shadow::EvidenceExample& example, const TerminalStyle& style) {
  std::string out = "    " + painted(style, Colour::faint, "id " + escaped(example.id)) + "  " +
                    example.verdict + (example.kind.empty() ? "" : ", " + escaped(example.kind));
  if (!example.detail.empty()) out += ": " + escaped(example.detail);
  if (!example.rewrite_sqlstate.empty()) out += "; rewrite " + escaped(example.rewrite_sqlstate);
  out += '\n';
  for (const auto& [name, value] : example.parameters)
    out += "      :" + escaped(name) + " = " +
           cut_text(escaped(value), 0, style.width > 40 ? style.width - 20 : 40) + '\n';
  for (const auto& one : example.differences) {
    shadow::RowDifference difference;
    difference.legacy = one.legacy;
    difference.rewrite = one.rewrite;
    std::size_t cells =
        std::max(one.legacy ? one.legacy->size() : 0, one.rewrite ? one.rewrite->size() : 0);
    auto columns = example.columns;
    columns.resize(cells);
    for (auto* row : {&difference.legacy, &difference.rewrite}) {
      if (*row) (*row)->resize(cells);
    }
    out += row_table(columns, difference, 6, style.width);
  }
  return out;
}

std::string head(const RuleStanding& standing, std::string_view good, std::string_view not_good,
                 const TerminalStyle& style) {
  const Colour colour = standing.good()             ? Colour::green
                        : standing.failures.empty() ? Colour::yellow
                                                    : Colour::red;
  std::string word(standing.good() ? good : not_good);
  word.resize(std::max<std::size_t>(word.size(), 10), ' ');
  std::string out = painted(style, colour, word) + escaped(standing.rule);
  if (!standing.current.version.empty())
    out += "  " + painted(style, Colour::faint, "version " + escaped(standing.current.version));
  out += '\n';
  for (const auto* reasons : {&standing.failures, &standing.missing}) {
    for (const auto& reason : *reasons)
      out += "    " + painted(style, colour, escaped(reason)) + '\n';
  }
  return out;
}

std::string counted(const RuleStanding& standing) {
  const auto& seen = standing.current;
  if (seen.first == shadow::EvidenceTime::max()) return line("compared", "nothing yet");
  std::string out = line("operations", std::to_string(seen.operations));
  out += line("verdicts", counts_text(seen.verdicts()));
  out += line("kinds", counts_text(seen.kinds));
  out += line("skipped", counts_text(seen.skipped));
  out += line("dropped", counts_text(seen.dropped));
  if (seen.vacuous != 0)
    out += line("vacuous", shadow::short_number(seen.vacuous_share() * 100) + " % of matches");
  if (!seen.distinct.empty()) out += line("parameters", names_text(seen));
  return out + line("latency", latency_text(seen));
}

std::string notes(const RuleStanding& standing) {
  std::string out;
  for (const auto& note : standing.notes) out += "    " + escaped(note) + '\n';
  return out;
}

std::string power_text(const shadow::RulePower& power) {
  if (!power.unknown.empty()) return "    power: not known: " + escaped(power.unknown) + '\n';
  if (power.planted == 0) return "    power: no mistake is known that could be planted\n";
  std::string out = "    power: " + std::to_string(power.caught) + " of " +
                    std::to_string(power.planted) + " planted mistakes were caught over " +
                    std::to_string(power.operations) + " recorded operation" +
                    (power.operations == 1 ? "" : "s");
  if (power.refused != 0) out += "; " + std::to_string(power.refused) + " of them by the server";
  out += '\n';
  for (const auto& mistake : power.survivors)
    out += "      " + escaped(mistake) + ": no recorded operation tells the difference\n";
  for (const auto& one : power.undecided)
    out += "      " + escaped(one.mistake) + ": not decided: " + escaped(one.why) + '\n';
  if (power.not_planted != 0)
    out += "      " + std::to_string(power.not_planted) + " more mistakes were not planted\n";
  return out;
}

std::string power_of(const RuleStanding& standing) {
  if (!standing.power) return {};
  std::string out = power_text(*standing.power);
  for (const auto& [why, count] : standing.power->left_out)
    out += "      left out of the recorded operations: " + std::to_string(count) + ", " +
           escaped(why) + '\n';
  return out;
}

std::string end(const Standings& standings, std::string_view good, std::string_view not_good) {
  std::string out;
  for (const auto& group : standings.groups) {
    out += "group " + escaped(group.name) + ": " +
           std::string(group.not_good.empty() ? good : not_good);
    for (std::size_t i = 0; i < group.not_good.size(); ++i)
      out += (i == 0 ? " because of " : ", ") + escaped(group.not_good[i]);
    out += '\n';
  }
  for (const auto& rule : standings.not_configured)
    out += "not in the configuration: " + escaped(rule) + '\n';
  return out + std::to_string(standings.good_rules()) + " of " +
         std::to_string(standings.rules.size()) + " rules " + std::string(good) + '\n';
}

}  // namespace

std::string counts_text(const NamedCounts& counts) {
  std::string out;
  for (const auto& [name, count] : counts) {
    if (count == 0) continue;
    if (!out.empty()) out += ", ";
    out += escaped(name) + ' ' + std::to_string(count);
  }
  return out;
}

std::string milliseconds_text(double seconds) {
  return shadow::short_number(seconds * 1e3) + " ms";
}

std::string render_report_text(const Standings& standings, const TerminalStyle& style) {
  std::string out;
  for (const auto& standing : standings.rules) {
    out += head(standing, "fine", standing.failures.empty() ? "missing" : "FAILED", style) +
           counted(standing) + notes(standing);
    for (const auto& example : standing.current.examples) out += example_text(example, style);
  }
  return out + end(standings, "fine", "not fine");
}

std::string render_ready_text(const Standings& standings, const TerminalStyle& style) {
  std::string out;
  for (const auto& standing : standings.rules)
    out += head(standing, "ready", "not ready", style) + counted(standing) + notes(standing) +
           power_of(standing);
  return out + end(standings, "ready", "not ready");
}

}  // namespace parallax::proxy
