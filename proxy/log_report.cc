#include "proxy/log_report.h"

#include <fmt/format.h>

#include <variant>

namespace parallax::proxy {
namespace {

using shadow::MismatchKind;
using shadow::Outcome;
using shadow::RuleState;
using shadow::Verdict;

bool is_warning(Verdict verdict) {
  switch (verdict) {
    case Verdict::mismatch:
    case Verdict::rewrite_error:
    case Verdict::timeout:
      return true;
    case Verdict::match:
    case Verdict::unstable:
    case Verdict::race:
    case Verdict::expected:
      return false;
  }
  return false;
}

LogLevel level_of(RuleState state) {
  switch (state) {
    case RuleState::unverified:
      return LogLevel::debug;
    case RuleState::ready:
      return LogLevel::info;
    case RuleState::broken:
    case RuleState::context_drift:
      return LogLevel::warn;
  }
  return LogLevel::warn;
}

// "; 12 more like this were left out"
std::string left_out_text(std::size_t count) {
  return count == 0 ? "" : "; " + std::to_string(count) + " more before this were left out";
}

std::string what(const Outcome& outcome, std::string_view otherwise) {
  return outcome.detail.empty() ? std::string(otherwise) : outcome.detail;
}

// The side that failed, where one did; both did when the SQLSTATEs differ, and then the rewrite is
// the one to look at.
struct Failure {
  const char* side;
  std::string sqlstate;
};
Failure failure(const Outcome& outcome) {
  if (!outcome.rewrite_sqlstate.empty()) return {"rewrite", outcome.rewrite_sqlstate};
  return {"legacy", outcome.legacy_sqlstate};
}

}  // namespace

LogReport::LogReport(Log& log, Clock clock) : log_(log), clock_(std::move(clock)) {}

LogReport::~LogReport() {
  for (const auto& [key, line] : verdicts_) {
    if (line.left_out == 0) continue;
    log_.write(LogLevel::warn, {{"rule", key.first}, {"verdict", std::string(name(key.second))}},
               std::to_string(line.left_out) + " more were left out");
  }
}

bool LogReport::due(Thinned& line, std::size_t& left_out) {
  const auto now = clock_();
  if (line.written && now - line.last < kReportLineInterval) {
    ++line.left_out;
    return false;
  }
  line.written = true;
  line.last = now;
  left_out = std::exchange(line.left_out, 0);
  return true;
}

void LogReport::outcome(const Outcome& outcome) {
  if (const auto* found = std::get_if<Verdict>(&outcome.end)) return verdict(outcome, *found);
  if (!log_.writes(LogLevel::debug)) return;
  const std::string& rule = outcome.rule->name;
  if (const auto* skipped = std::get_if<shadow::SkipReason>(&outcome.end)) {
    log_.write(LogLevel::debug, {{"rule", rule}, {"skipped", std::string(name(*skipped))}},
               what(outcome, "not compared"));
  } else if (const auto* dropped = std::get_if<shadow::DropReason>(&outcome.end)) {
    log_.write(LogLevel::debug, {{"rule", rule}, {"dropped", std::string(name(*dropped))}},
               what(outcome, "lost before the comparison"));
  }
}

void LogReport::verdict(const Outcome& outcome, Verdict verdict) {
  const LogField rule{"rule", outcome.rule->name};
  const LogField said{"verdict", std::string(name(verdict))};
  const LogField live{"live", std::string(name(outcome.side))};  // the side that the client sent
  if (!is_warning(verdict)) {
    if (log_.writes(LogLevel::debug))
      log_.write(LogLevel::debug, {rule, said, live}, what(outcome, "compared"));
    return;
  }
  std::size_t left_out = 0;
  if (!due(verdicts_[{outcome.rule->name, verdict}], left_out)) return;
  const std::string more = left_out_text(left_out);
  if (verdict == Verdict::timeout) {
    log_.write(LogLevel::warn, {rule, said, live},
               what(outcome, "the snapshot took too long") + more);
  } else if (verdict == Verdict::rewrite_error || outcome.kind == MismatchKind::error) {
    const Failure failed = failure(outcome);
    log_.write(LogLevel::warn,
               {rule, said, live, {"side", failed.side}, {"sqlstate", failed.sqlstate}},
               what(outcome, "the statement failed") + more);
  } else {
    const std::string kind(outcome.kind ? name(*outcome.kind) : "");
    log_.write(LogLevel::warn,
               {rule,
                said,
                live,
                {"kind", kind},
                {"legacy_rows", std::to_string(outcome.legacy_rows)},
                {"rewrite_rows", std::to_string(outcome.rewrite_rows)}},
               what(outcome, "the results differ") + more);
  }
}

void LogReport::rule_state(const shadow::Rule& rule, RuleState state, const std::string& reason) {
  log_.write(level_of(state), {{"rule", rule.name}, {"state", std::string(name(state))}},
             reason.empty() ? "the rule's state changed" : reason);
}

void LogReport::rule_warning(const shadow::Rule& rule, const std::string& text) {
  log_.write(LogLevel::warn, {{"rule", rule.name}}, text);
}

void LogReport::pool_error(const std::string& sqlstate, const std::string& what) {
  std::size_t left_out = 0;
  if (!due(pool_, left_out)) return;
  const std::string message = "shadow connection: " + what + left_out_text(left_out);
  if (sqlstate.empty()) {
    log_.write(LogLevel::warn, message);
  } else {
    log_.write(LogLevel::warn, {{"sqlstate", sqlstate}}, message);
  }
}

void LogReport::breaker(const shadow::Rule* rule, bool open, const std::string& why) {
  const LogField state{"breaker", open ? "open" : "closed"};
  const auto level = open ? LogLevel::warn : LogLevel::info;
  if (rule == nullptr) {
    log_.write(level, {state}, "all replays: " + why);
  } else {
    log_.write(level, {{"rule", rule->name}, state}, why);
  }
}

void LogReport::governed(const shadow::GovernorStep& step, const shadow::Rule* rule) {
  using What = shadow::GovernorStep::What;
  const std::string of = rule == nullptr ? "" : rule->name;
  std::size_t left_out = 0;
  if (!due(governed_[{of, step.what, step.sign.has_value()}], left_out)) return;
  std::string text =
      step.what == What::sample
          ? fmt::format("samples {:.3g} of what it would, before {:.3g}", step.after, step.before)
          : fmt::format("{} at once {}, before {}",
                        step.what == What::replays ? "replays" : "shadow connections", step.after,
                        step.before);
  if (step.sign)
    text += fmt::format(": {} is at {:.2f} of its limit", name(*step.sign), step.pressure);
  text += left_out_text(left_out);
  const auto level = step.sign ? LogLevel::warn : LogLevel::info;
  if (rule == nullptr) {
    log_.write(level, "governor: " + text);
  } else {
    log_.write(level, {{"rule", of}}, "governor: " + text);
  }
}

void LogReport::warning(const std::string& text) { log_.write(LogLevel::warn, text); }

void LogReport::information(const std::string& text) { log_.write(LogLevel::info, text); }

void LogReport::uncovered(const shadow::UncoveredStatement& statement) {
  if (statement.tagged == nullptr || unknown_tagged_.size() >= kUnknownTaggedMax) return;
  const std::string& rule = statement.tagged->name;
  if (!unknown_tagged_.emplace(rule, statement.statement).second) return;
  std::size_t left_out = 0;
  if (!due(tagged_[rule], left_out)) return;
  log_.write(LogLevel::warn, {{"rule", rule}, {"operation", statement.tagged->operation()}},
             "a statement is tagged as this operation and no rule knows it; --dev shows it" +
                 left_out_text(left_out));
}

}  // namespace parallax::proxy
