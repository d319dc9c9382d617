#pragma once

// The modes, and the switch that overrides what the configuration says. Public face of shadow/.

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

namespace parallax::shadow {

// In order: each does more than the one before it.
enum class Mode : std::uint8_t { off, shadow, strict };
inline constexpr std::array kModes = {Mode::off, Mode::shadow, Mode::strict};
std::string_view name(Mode mode);
std::optional<Mode> mode_named(std::string_view text);

// The one switch of a running process. Thread-safe.
class ModeSwitch {
 public:
  // Nothing: the configuration's modes hold.
  void set(std::optional<Mode> mode) {
    override_.store(mode ? static_cast<std::uint8_t>(*mode) : kNone, std::memory_order_release);
  }
  std::optional<Mode> overridden() const {
    const auto value = override_.load(std::memory_order_acquire);
    return value == kNone ? std::nullopt : std::optional(static_cast<Mode>(value));
  }
  // `top`: `mode` of the configuration; `own`: of the rule, where it has one. The switch stands in
  // the place of `top`; under the switch a rule's own mode is a limit: a rule that is kept off or
  // out of strict stays so.
  Mode of(Mode top, std::optional<Mode> own) const {
    const auto override = overridden();
    if (!override) return own.value_or(top);
    return own && *own < *override ? *own : *override;
  }

 private:
  static constexpr std::uint8_t kNone = 255;
  std::atomic<std::uint8_t> override_{kNone};
};

}  // namespace parallax::shadow
