#pragma once

// set_config() whose arguments are parameters: what it does is known when they are bound.

#include <memory>
#include <vector>

#include "protocol/notes.h"
#include "shadow/held_bytes.h"
#include "shadow/rules/rule.h"
#include "shadow/setting_effect.h"

namespace parallax::shadow {

struct SettingBinding final : protocol::BindingNote {
  std::vector<SettingEffect> effects;
  HeldBytes held;

  std::size_t bytes() const override { return held.bytes(); }
  std::size_t size() const;
};

// Of a text, by statement.
bool takes_parameters(const std::vector<std::vector<SettingEffect>>& effects);

// `unknown` where a parameter does not tell, and alone where the values are more than a session's
// settings may be: one parameter may be the value of many.
std::shared_ptr<SettingBinding> bind_settings(const std::vector<SettingEffect>& effects,
                                              const std::vector<Value>& parameters);

}  // namespace parallax::shadow
