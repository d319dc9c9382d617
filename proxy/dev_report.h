#pragma once

// --dev: the engine's findings on the terminal, with values.

#include <iosfwd>
#include <string>
#include <unordered_set>

#include "proxy/render.h"
#include "shadow/report.h"

namespace parallax::proxy {

class DevReport : public shadow::Report {
 public:
  // `out` must outlive the report; it is flushed after each block.
  DevReport(std::ostream& out, TerminalStyle style);

  void outcome(const shadow::Outcome& outcome) override;
  void rule_state(const shadow::Rule& rule, shadow::RuleState state,
                  const std::string& reason) override;
  void rule_warning(const shadow::Rule& rule, const std::string& text) override;
  void pool_error(const std::string& sqlstate, const std::string& what) override;
  void breaker(const shadow::Rule* rule, bool open, const std::string& why) override;
  void warning(const std::string& text) override;
  void information(const std::string& text) override;
  void uncovered(const shadow::UncoveredStatement& statement) override;

 private:
  void print(const std::string& text);

  std::ostream& out_;
  TerminalStyle style_;
  std::unordered_set<std::size_t> skeletons_;  // hashes: a text can be long
};

}  // namespace parallax::proxy
