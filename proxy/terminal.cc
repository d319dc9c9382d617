#include "proxy/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace parallax::proxy {
namespace {

constexpr std::size_t kNarrowest = 40;

}  // namespace

TerminalStyle terminal_style(int file) {
  TerminalStyle style;
  if (isatty(file) != 1) return style;
  const char* no_colour = std::getenv("NO_COLOR");  // https://no-color.org
  style.colour = no_colour == nullptr || *no_colour == '\0';
  winsize size{};
  if (ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col >= kNarrowest) style.width = size.ws_col;
  return style;
}

std::string painted(const TerminalStyle& style, Colour colour, const std::string& text) {
  constexpr std::array<const char*, 5> kCodes = {"", "\033[31m", "\033[32m", "\033[33m", "\033[2m"};
  if (!style.colour || colour == Colour::none) return text;
  return kCodes.at(static_cast<std::size_t>(colour)) + text + "\033[0m";
}

}  // namespace parallax::proxy
