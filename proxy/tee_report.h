#pragma once

// Two that hear the engine's findings in place of one.

#include "shadow/report.h"

namespace parallax::proxy {

class TeeReport final : public shadow::Report {
 public:
  // Both must outlive it; `first` hears first. `second` may be null.
  explicit TeeReport(shadow::Report& first, shadow::Report* second = nullptr)
      : first_(first), second_(second) {}
  // Before anybody tells it anything.
  void set_second(shadow::Report* second) { second_ = second; }

  void outcome(const shadow::Outcome& outcome) override {
    first_.outcome(outcome);
    if (second_ != nullptr) second_->outcome(outcome);
  }
  void rule_state(const shadow::Rule& rule, shadow::RuleState state,
                  const std::string& reason) override {
    first_.rule_state(rule, state, reason);
    if (second_ != nullptr) second_->rule_state(rule, state, reason);
  }
  void plans(const shadow::Rule& rule, const shadow::RulePlans& plans) override {
    first_.plans(rule, plans);
    if (second_ != nullptr) second_->plans(rule, plans);
  }
  void breaker(const shadow::Rule* rule, bool open, const std::string& why) override {
    first_.breaker(rule, open, why);
    if (second_ != nullptr) second_->breaker(rule, open, why);
  }
  void governed(const shadow::GovernorStep& step, const shadow::Rule* rule) override {
    first_.governed(step, rule);
    if (second_ != nullptr) second_->governed(step, rule);
  }
  void rule_warning(const shadow::Rule& rule, const std::string& text) override {
    first_.rule_warning(rule, text);
    if (second_ != nullptr) second_->rule_warning(rule, text);
  }
  void pool_error(const std::string& sqlstate, const std::string& what) override {
    first_.pool_error(sqlstate, what);
    if (second_ != nullptr) second_->pool_error(sqlstate, what);
  }
  void warning(const std::string& text) override {
    first_.warning(text);
    if (second_ != nullptr) second_->warning(text);
  }
  void information(const std::string& text) override {
    first_.information(text);
    if (second_ != nullptr) second_->information(text);
  }
  void uncovered(const shadow::UncoveredStatement& statement) override {
    first_.uncovered(statement);
    if (second_ != nullptr) second_->uncovered(statement);
  }

 private:
  shadow::Report& first_;
  shadow::Report* second_;
};

}  // namespace parallax::proxy
