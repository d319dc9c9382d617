#include "proxy/dev_report.h"

#include <functional>
#include <ostream>

namespace parallax::proxy {

DevReport::DevReport(std::ostream& out, TerminalStyle style) : out_(out), style_(style) {}

void DevReport::print(const std::string& text) { out_ << text << std::flush; }

void DevReport::outcome(const shadow::Outcome& outcome) { print(render_outcome(outcome, style_)); }

void DevReport::rule_state(const shadow::Rule& rule, shadow::RuleState state,
                           const std::string& reason) {
  print(render_rule_state(rule, state, reason, style_));
}

void DevReport::rule_warning(const shadow::Rule& rule, const std::string& text) {
  print(render_rule_warning(rule, text, style_));
}

void DevReport::pool_error(const std::string& sqlstate, const std::string& what) {
  print(render_pool_error(sqlstate, what, style_));
}

void DevReport::breaker(const shadow::Rule* rule, bool open, const std::string& why) {
  print(render_breaker(rule, open, why, style_));
}

void DevReport::warning(const std::string& text) { print(render_server_note(true, text, style_)); }

void DevReport::information(const std::string& text) {
  print(render_server_note(false, text, style_));
}

void DevReport::uncovered(const shadow::UncoveredStatement& statement) {
  if (skeletons_.size() >= kUncoveredShownMax) return;
  const std::string rule = statement.tagged == nullptr ? "" : statement.tagged->name;
  if (!skeletons_.insert(std::hash<std::string>()(rule + '\n' + statement.skeleton)).second) return;
  print(render_uncovered(statement, style_));
  if (skeletons_.size() == kUncoveredShownMax) print("new   further statements are not shown\n");
}

}  // namespace parallax::proxy
