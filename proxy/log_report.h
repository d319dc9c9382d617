#pragma once

// The engine's findings as log lines: side=legacy|rewrite where a side is meant, never a value, a
// parameter, SQL or a server's message. What repeats is thinned out; the metrics count all of it.

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "proxy/log.h"
#include "shadow/report.h"

namespace parallax::proxy {

inline constexpr std::chrono::seconds kReportLineInterval{1};
inline constexpr std::size_t kUnknownTaggedMax = 10'000;  // that are told; the metric counts on

class LogReport : public shadow::Report {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  // `log` must outlive the report.
  explicit LogReport(Log& log, Clock clock = std::chrono::steady_clock::now);
  ~LogReport() override;  // tells how many lines were left out at last

  // Mismatches, rewrite errors and timeouts as warnings, at most one line for each rule and verdict
  // within kReportLineInterval, with the number of those left out before; all else at level debug.
  void outcome(const shadow::Outcome& outcome) override;
  void rule_state(const shadow::Rule& rule, shadow::RuleState state,
                  const std::string& reason) override;
  void rule_warning(const shadow::Rule& rule, const std::string& text) override;
  void pool_error(const std::string& sqlstate, const std::string& what) override;
  // At most one line for each kind of step and direction within kReportLineInterval.
  void governed(const shadow::GovernorStep& step, const shadow::Rule* rule) override;
  void breaker(const shadow::Rule* rule, bool open, const std::string& why) override;
  void warning(const std::string& text) override;
  void information(const std::string& text) override;
  // Those that are tagged as a rule's operation: once for each rule and statement. SQL is no matter
  // for a log.
  void uncovered(const shadow::UncoveredStatement& statement) override;

 private:
  struct Thinned {
    std::chrono::steady_clock::time_point last;
    bool written = false;
    std::size_t left_out = 0;
  };
  // May a line be written now? Then `left_out` says how many were not since the last.
  bool due(Thinned& line, std::size_t& left_out);
  void verdict(const shadow::Outcome& outcome, shadow::Verdict verdict);

  Log& log_;
  Clock clock_;
  std::map<std::pair<std::string, shadow::Verdict>, Thinned> verdicts_;  // by rule's name
  Thinned pool_;
  std::map<std::tuple<std::string, shadow::GovernorStep::What, bool>, Thinned> governed_;
  std::map<std::string, Thinned> tagged_;                         // by rule's name
  std::set<std::pair<std::string, std::size_t>> unknown_tagged_;  // that were told
};

}  // namespace parallax::proxy
