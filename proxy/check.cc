#include "proxy/check.h"

#include <algorithm>
#include <ostream>
#include <string>

#include "proxy/loaded_config.h"
#include "proxy/render_check.h"
#include "proxy/text.h"
#include "shadow/online_check.h"

namespace parallax::proxy {
namespace {

std::string shadow_address(const shadow::Options& options) {
  return escaped(options.keyword("host") + ':' + options.keyword("port") + ", database " +
                 options.keyword("dbname") + ", user " + options.keyword("user"));
}

int no_connection(const shadow::Options& options, const shadow::ConnectionError& error,
                  std::ostream& err) {
  err << "no shadow connection to " << shadow_address(options) << ": ";
  if (!error.sqlstate.empty()) err << escaped(error.sqlstate) << ": ";
  err << escaped(error.what) << '\n';
  return kExitUsage;
}

// A rule that is wrong is an answer; one that nobody knows about is none.
int exit_status(const shadow::OnlineFindings& findings) {
  const auto unknown = [](const shadow::CheckedRule& checked) {
    return checked.state == shadow::RuleState::unverified;
  };
  const auto wrong = [&](const shadow::CheckedRule& checked) {
    return !checked.good() && !unknown(checked);
  };
  if (std::ranges::any_of(findings.rules, wrong)) return kExitNo;
  return std::ranges::any_of(findings.rules, unknown) ? kExitUsage : kExitFine;
}

int check_on_server(const LoadedConfig& loaded, const CheckCommand& command,
                    const TerminalStyle& style, std::ostream& out, std::ostream& err) {
  const auto& options = loaded.config.shadow;
  const auto end = shadow::check_online(options, *loaded.rules);
  if (const auto* error = std::get_if<shadow::ConnectionError>(&end))
    return no_connection(options, *error, err);
  const auto& findings = std::get<shadow::OnlineFindings>(end);
  if (!findings.rules.empty()) out << "shadow: " << shadow_address(options) << '\n';
  if (!findings.warning.empty()) err << "warning: " << escaped(findings.warning) << '\n';
  if (!findings.information.empty()) out << escaped(findings.information) << '\n';
  for (const auto& checked : findings.rules)
    out << render_checked_rule(checked, command.plans, style);
  out << render_check_summary(findings);
  return exit_status(findings);
}

}  // namespace

int check_config(const CheckCommand& command, const Environment& environment,
                 const TerminalStyle& style, std::ostream& out, std::ostream& err) {
  const std::string& file = command.config_file;
  const auto loaded = load_with_rules(file, environment, false);
  if (const auto* problems = std::get_if<std::vector<shadow::ConfigProblem>>(&loaded)) {
    for (const auto& problem : *problems) err << escaped(problem.text()) << '\n';
    return kExitUsage;
  }
  const auto& fine = std::get<LoadedConfig>(loaded);
  for (const auto& warning : fine.config.warnings) {
    err << escaped(warning.mark.file) << ':' << warning.mark.line << ':' << warning.mark.column
        << ": warning: " << escaped(warning.message) << '\n';
  }
  const std::size_t rules = fine.rules->rules().size();
  out << escaped(file) << ": " << rules << (rules == 1 ? " rule" : " rules") << ", fine\n";
  return command.online ? check_on_server(fine, command, style, out, err) : kExitFine;
}

}  // namespace parallax::proxy
