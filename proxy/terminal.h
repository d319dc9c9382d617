#pragma once

// What text for eyes may assume of where it goes.

#include <cstddef>
#include <string>

namespace parallax::proxy {

struct TerminalStyle {
  bool colour = false;
  std::size_t width = 120;  // columns
};

// Of a terminal: its width and colours (not with NO_COLOR set); of anything else: 120 columns, no
// colours.
TerminalStyle terminal_style(int file);

enum class Colour { none, red, green, yellow, faint };
std::string painted(const TerminalStyle& style, Colour colour, const std::string& text);

}  // namespace parallax::proxy
