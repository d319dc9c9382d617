#include "shadow/mode.h"

namespace parallax::shadow {

std::string_view name(Mode mode) {
  switch (mode) {
    case Mode::off:
      return "off";
    case Mode::shadow:
      return "shadow";
    case Mode::strict:
      return "strict";
  }
  return "";
}

std::optional<Mode> mode_named(std::string_view text) {
  for (const Mode mode : kModes) {
    if (name(mode) == text) return mode;
  }
  return std::nullopt;
}

}  // namespace parallax::shadow
