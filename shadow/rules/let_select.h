#pragma once

// The statement that gives the value of a `let`.

#include <string>
#include <string_view>

namespace parallax::shadow {

// Parentheses keep it one expression; the line ends, a comment at its end from taking the last one.
inline constexpr std::string_view kLetBefore = "SELECT (\n";
inline constexpr std::string_view kLetAfter = "\n)";

inline std::string let_select(std::string_view expression) {
  return std::string(kLetBefore).append(expression).append(kLetAfter);
}

}  // namespace parallax::shadow
