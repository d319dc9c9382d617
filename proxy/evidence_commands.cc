#include "proxy/evidence_commands.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/loaded_config.h"
#include "proxy/render.h"
#include "proxy/render_evidence.h"
#include "proxy/text.h"
#include "shadow/evidence/journal_reader.h"
#include "shadow/evidence/recorded_replay.h"
#include "shadow/evidence/standing_json.h"
#include "shadow/power/power_run.h"

namespace parallax::proxy {

namespace {

using shadow::JournalEvidence;
using shadow::JournalReader;
using shadow::Standings;
using RuleSetRef = std::shared_ptr<const shadow::RuleSet>;
using Powers = std::map<std::string, shadow::RulePower>;

// The configuration and its rules: null without a file. Nothing where it has problems, which are
// told.
std::optional<LoadedConfig> read_configured(const std::string& file, const Environment& environment,
                                            std::ostream& err) {
  if (file.empty()) return LoadedConfig();
  auto loaded = load_with_rules(file, environment, false);
  if (const auto* problems = std::get_if<std::vector<shadow::ConfigProblem>>(&loaded)) {
    for (const auto& problem : *problems) err << escaped(problem.text()) << '\n';
    return std::nullopt;
  }
  return std::get<LoadedConfig>(std::move(loaded));
}

void read_journals(JournalReader& reader, const std::vector<std::string>& paths,
                   std::ostream& err) {
  for (const auto& path : paths) reader.read_path(path);
  const auto& evidence = reader.evidence();
  for (const auto& problem : evidence.problems) {
    err << escaped(problem.file);
    if (problem.line != 0) err << ':' << problem.line;
    err << ": " << escaped(problem.what) << '\n';
  }
  if (evidence.problems_total > evidence.problems.size())
    err << "and " << evidence.problems_total - evidence.problems.size() << " more\n";
  if (evidence.lines == 0) {
    err << "parallax: no line of a journal was read\n";
  } else if (evidence.in_time == 0) {
    err << "parallax: no line is of the time that is asked for\n";
  }
}

std::optional<shadow::EvidenceTime> since(const EvidenceInput& input) {
  if (input.last) return std::chrono::system_clock::now() - *input.last;
  return shadow::read_journal_time(input.since);
}

// Of nothing there is nothing good to say.
int status_of(const JournalEvidence& evidence, const Standings& standings) {
  if (evidence.unreadable || evidence.in_time == 0 || standings.rules.empty()) return kExitUsage;
  return standings.good() ? kExitFine : kExitNo;
}

// False: the file cannot be written, which is told.
bool write_out(const std::string& file, const std::string& text, std::ostream& out,
               std::ostream& err) {
  if (file.empty()) {
    out << text << std::flush;
    if (!out) err << "parallax: cannot write to standard output\n";
    return static_cast<bool>(out);
  }
  // The journal's values may stand in it.
  const auto mask = ::umask(S_IRWXG | S_IRWXO);
  std::ofstream to(file, std::ios::binary | std::ios::trunc);
  ::umask(mask);
  to << text;
  to.close();
  if (to) return true;
  err << "parallax: cannot write " << escaped(file) << '\n';
  return false;
}

std::string rendered(const ReportCommand& command, const Standings& standings,
                     const JournalEvidence& evidence, const TerminalStyle& style) {
  if (command.format == "json") return standings_json(standings, evidence, "report");
  if (command.format == "html") return render_report_html(standings);
  if (command.format == "junit") return render_report_junit(standings);
  return render_report_text(standings, style);
}

// What the samples could have shown, of the rules that are asked for.
std::variant<Powers, std::string> measured_powers(const ReadyCommand& command,
                                                  const LoadedConfig& configured,
                                                  const JournalReader& reader) {
  std::vector<std::string> names;
  for (const auto& rule : configured.rules->rules()) {
    if (command.rule.empty() || rule->name == command.rule) names.push_back(rule->name);
  }
  return shadow::measure_power(
      configured.config.shadow, *configured.rules, names,
      [&reader](const std::string& rule) { return reader.samples().lines(rule); });
}

// Leaves the one rule. False: there is none of this name.
bool keep_rule(Standings& standings, const std::string& name) {
  std::erase_if(standings.rules, [&](const auto& rule) { return rule.rule != name; });
  standings.groups.clear();
  standings.not_configured.clear();
  return !standings.rules.empty();
}

}  // namespace

int report_evidence(const ReportCommand& command, const Environment& environment,
                    const TerminalStyle& style, std::ostream& out, std::ostream& err) {
  const auto configured = read_configured(command.input.config_file, environment, err);
  if (!configured) return kExitUsage;
  const auto* rules = configured->rules.get();
  JournalReader reader({.since = since(command.input), .examples = command.examples});
  read_journals(reader, command.input.journals, err);
  const auto& evidence = reader.evidence();
  const auto least = command.min_comparisons.value_or(command.every_rule ? 1 : 0);
  const auto standings = report_standings(evidence, rules, {least, command.every_rule});
  const TerminalStyle plain{false, style.width};
  const auto text =
      rendered(command, standings, evidence, command.out_file.empty() ? style : plain);
  if (!write_out(command.out_file, text, out, err)) return kExitUsage;
  return status_of(evidence, standings);
}

int judge_readiness(const ReadyCommand& command, const Environment& environment,
                    const TerminalStyle& style, std::ostream& out, std::ostream& err) {
  const auto configured = read_configured(command.input.config_file, environment, err);
  if (!configured) return kExitUsage;
  JournalReader reader({.since = since(command.input),
                        .examples = 0,
                        .samples = command.power ? command.power_samples : 0});
  read_journals(reader, command.input.journals, err);
  const auto& evidence = reader.evidence();
  Powers powers;
  if (command.power) {
    auto measured = measured_powers(command, *configured, reader);
    if (const auto* why = std::get_if<std::string>(&measured)) {
      err << "parallax: " << escaped(*why) << '\n';
      return kExitUsage;
    }
    powers = std::get<Powers>(std::move(measured));
  }
  const RuleSetRef& rules = configured->rules;
  auto standings = ready_standings(evidence, rules.get(), command.criteria, powers);
  if (!command.rule.empty() && !keep_rule(standings, command.rule)) {
    err << "parallax: no rule `" << escaped(command.rule) << "` in the "
        << (rules == nullptr ? "journals" : "configuration") << '\n';
    return kExitUsage;
  }
  const auto text = command.format == "json" ? standings_json(standings, evidence, "ready")
                                             : render_ready_text(standings, style);
  if (!write_out({}, text, out, err)) return kExitUsage;
  return status_of(evidence, standings);
}

int replay_journalled(const ReplayCommand& command, const Environment& environment,
                      const TerminalStyle& style, std::ostream& out, std::ostream& err) {
  auto loaded = load_with_rules(command.config_file, environment, false);
  if (const auto* problems = std::get_if<std::vector<shadow::ConfigProblem>>(&loaded)) {
    for (const auto& problem : *problems) err << escaped(problem.text()) << '\n';
    return kExitUsage;
  }
  const auto& config = std::get<LoadedConfig>(loaded).config;
  const auto& rules = std::get<LoadedConfig>(loaded).rules;
  JournalReader reader({.since = std::nullopt, .examples = 0, .wanted_id = command.id});
  read_journals(reader, command.journals, err);
  const auto refuse = [&](const std::string& why) {
    err << "parallax: " << escaped(command.id) << ": " << escaped(why) << '\n';
    return kExitUsage;
  };
  if (reader.wanted_line().empty()) return refuse("no line of the journal has this id");
  const auto recorded = recorded_operation(reader.wanted_line(), *rules);
  if (const auto* why = std::get_if<std::string>(&recorded)) return refuse(*why);
  const auto& operation = std::get<shadow::RecordedOperation>(recorded);
  const auto end = replay_recorded(config.shadow, *rules, operation);
  if (const auto* why = std::get_if<std::string>(&end)) return refuse(*why);
  const auto& outcome = std::get<shadow::Outcome>(end);
  if (operation.other_version) out << "the rule has changed since\n";
  out << render_outcome(outcome, style);
  const auto* verdict = std::get_if<shadow::Verdict>(&outcome.end);
  if (verdict == nullptr) return kExitUsage;
  switch (*verdict) {
    case shadow::Verdict::match:
    case shadow::Verdict::expected:
      return kExitFine;
    case shadow::Verdict::mismatch:
    case shadow::Verdict::rewrite_error:
      return kExitNo;
    case shadow::Verdict::unstable:
    case shadow::Verdict::race:
    case shadow::Verdict::timeout:
      return kExitUsage;
  }
  return kExitUsage;
}

}  // namespace parallax::proxy
