#pragma once

// How names and counts are written in details, reasons and notes: one line, never a cell's value.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace parallax::shadow {

// A list names this many, then says how many more there are.
inline constexpr std::size_t kNamesShown = 6;

// "label" in quotes; control characters, which would break the line, become '?'.
std::string quoted(std::string_view name);
// Already worded parts, joined by `separator`, the first kNamesShown of them.
std::string listed(std::span<const std::string> parts, std::string_view separator = ", ");
// "1 row", "3 rows".
std::string counted(std::size_t count, std::string_view what);

}  // namespace parallax::shadow
