#include "shadow/setting_binding.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace parallax::shadow {

namespace {

SettingEffect filled_in(SettingEffect effect, const std::vector<Value>& parameters) {
  using Kind = SettingEffect::Kind;
  const auto value_of = [&](const std::optional<std::size_t>& place) -> const Value* {
    return *place < parameters.size() ? &parameters[*place] : nullptr;
  };
  if (effect.name_parameter) {
    const auto* name = value_of(effect.name_parameter);
    if (name == nullptr || name->null) return {};
    std::ranges::transform(name->bytes, std::back_inserter(effect.name), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
  }
  if (effect.value_parameter) {
    const auto* value = value_of(effect.value_parameter);
    if (value == nullptr || (value->null && effect.kind == Kind::set_local)) return {};
    if (value->null) effect.kind = Kind::reset;
    effect.value = value->bytes;
  }
  if (effect.local_parameter) {
    const auto* local = value_of(effect.local_parameter);
    if (local == nullptr || local->null || local->bytes.empty()) return {};
    // Text: t, true, y, yes, on, 1; binary: one byte.
    const auto first = local->bytes.front();
    const bool on = local->bytes == "on" || local->bytes == "ON";
    if (std::string_view("tTyY1\1").find(first) != std::string_view::npos || on) {
      if (effect.kind == Kind::reset) return {};
      effect.kind = Kind::set_local;
    }
  }
  return effect;
}

}  // namespace

bool takes_parameters(const std::vector<std::vector<SettingEffect>>& effects) {
  return std::ranges::any_of(effects, [](const auto& statement) {
    return std::ranges::any_of(statement, [](const SettingEffect& effect) {
      return effect.name_parameter || effect.value_parameter || effect.local_parameter;
    });
  });
}

std::size_t SettingBinding::size() const {
  std::size_t total = sizeof *this;
  for (const auto& effect : effects)
    total += sizeof effect + effect.name.size() + effect.value.size();
  return total;
}

std::shared_ptr<SettingBinding> bind_settings(const std::vector<SettingEffect>& effects,
                                              const std::vector<Value>& parameters) {
  auto binding = std::make_shared<SettingBinding>();
  std::size_t bytes = 0;
  for (const auto& effect : effects) {
    binding->effects.push_back(filled_in(effect, parameters));
    bytes += binding->effects.back().name.size() + binding->effects.back().value.size();
    if (bytes <= kSettingsBytesMax) continue;
    std::vector<SettingEffect>(1).swap(binding->effects);  // with its storage
    break;
  }
  return binding;
}

}  // namespace parallax::shadow
