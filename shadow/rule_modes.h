#pragma once

// The mode that each rule is in now: what the configuration says, under the switch.

#include "shadow/mode.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

class RuleModes {
 public:
  RuleModes() = default;  // without a switch: every rule is shadowed
  // `top`: `mode` of the configuration. The switch must outlive this.
  RuleModes(const ModeSwitch& mode_switch, Mode top) : switch_(&mode_switch), top_(top) {}

  Mode of(const Rule& rule) const {
    return switch_ == nullptr ? Mode::shadow : switch_->of(top_, rule.source.mode);
  }
  Mode configured(const Rule& rule) const { return rule.source.mode.value_or(top_); }
  // `configured`: whether some rule is, without the switch.
  bool any_strict(bool configured) const {
    const auto over = switch_ == nullptr ? std::nullopt : switch_->overridden();
    return over ? *over == Mode::strict : configured;
  }
  bool off(const Rule& rule) const { return of(rule) == Mode::off; }
  bool all_off(const RuleSet& rules) const {
    for (const auto& rule : rules.rules()) {
      if (!off(*rule)) return false;
    }
    return true;
  }

 private:
  const ModeSwitch* switch_ = nullptr;
  Mode top_ = Mode::shadow;
};

}  // namespace parallax::shadow
