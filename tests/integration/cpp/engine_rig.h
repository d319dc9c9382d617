#pragma once

// An engine with rules, a stand-in for the tap (with its part of the accounting), and a report that
// remembers.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "metrics/registry.h"
#include "shadow/engine.h"
#include "shadow/report.h"
#include "shadow/rules/rule.h"
#include "shadow/shadow_metrics.h"

namespace parallax::pgtest {

struct RuleText {
  std::string name;
  std::string legacy;
  std::string rewrite;
  std::map<std::string, std::string> let = {};
  shadow::CompareOptions compare = {};
  std::vector<shadow::Expectation> expect = {};
  std::map<std::string, std::string> columns = {};
};

class RememberingReport final : public shadow::Report {
 public:
  void outcome(const shadow::Outcome& outcome) override;
  void rule_state(const shadow::Rule& rule, shadow::RuleState state,
                  const std::string& reason) override;
  void pool_error(const std::string& sqlstate, const std::string& what) override;
  void breaker(const shadow::Rule* rule, bool open, const std::string& why) override;
  void warning(const std::string& text) override;
  void information(const std::string& text) override;
  void uncovered(const shadow::UncoveredStatement& statement) override;

  // Waits until `done` holds for what was reported so far; false after the time limit.
  bool wait(const std::function<bool(const RememberingReport&)>& done,
            std::chrono::seconds limit = std::chrono::seconds(20));

  std::vector<shadow::Outcome> outcomes;
  std::map<std::string, std::string> reasons;  // of the last state, by rule
  std::vector<std::string> pool_errors;        // SQLSTATEs
  std::vector<std::string> pool_texts;
  std::vector<std::string> breakers;  // "held open", "* closed": `*` all replays
  std::vector<std::string> warnings;
  std::vector<std::string> information_texts;
  std::vector<shadow::UncoveredStatement> statements;
  std::mutex mutex;

 private:
  std::condition_variable changed_;
};

class EngineRig {
 public:
  EngineRig(shadow::Options options, const std::vector<RuleText>& rules);
  ~EngineRig();

  struct Call {
    std::string sql;
    std::vector<shadow::Value> parameters = {};
    std::string live_sqlstate = {};
    shadow::ReplayContextRef context = nullptr;
    std::shared_ptr<shadow::ResultSet> live_rows = nullptr;  // not captured
    std::optional<std::uint64_t> live_count = std::nullopt;  // of rows that were not captured
  };
  // What the tap does with a matched statement. False when it was dropped.
  bool offer(const Call& call);
  // Offers, waits, and returns how it ended.
  shadow::Outcome run(const Call& call);
  std::vector<shadow::Outcome> wait_outcomes(std::size_t count);
  // Waits until every rule has left `unverified`.
  bool wait_verified(std::chrono::seconds limit = std::chrono::seconds(20));

  shadow::Engine& engine() { return *engine_; }
  RememberingReport& report() { return report_; }
  const shadow::Rule& rule(std::size_t index) const { return *rules_->rules()[index]; }
  shadow::RuleState state(std::size_t index) const { return engine_->state(rule(index)); }
  const shadow::ShadowMetrics& metrics() const { return *metrics_; }
  std::uint64_t count(metrics::Counter counter) const { return registry_.value(counter); }
  std::uint64_t verdicts(std::size_t rule, shadow::Verdict verdict) const;

  // operations = verdicts + skipped + dropped, nothing in flight, nothing queued.
  bool law_holds() const;

 private:
  metrics::Registry registry_;
  std::shared_ptr<const shadow::RuleSet> rules_;
  std::unique_ptr<shadow::ShadowMetrics> metrics_;
  metrics::Shard* tap_ = nullptr;
  RememberingReport report_;
  std::unique_ptr<shadow::Engine> engine_;
};

shadow::Value text(const std::string& bytes);
std::string end_of(const shadow::Outcome&
                       outcome);  // "match", "mismatch value", "skipped server", "dropped drain"

}  // namespace parallax::pgtest
