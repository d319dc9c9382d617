#include "proxy/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace parallax::proxy {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

template <std::size_t n>
bool in(const std::array<Range, n>& ranges, char32_t c) {
  for (const Range& range : ranges) {
    if (c >= range.first && c <= range.last) return true;
  }
  return false;
}

// East Asian Width W and F, and emoji: the blocks only, which is what a table's alignment needs.
constexpr std::array kWide = {
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0xA4CF},  Range{0xAC00, 0xD7A3},
    Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},  Range{0xFFE0, 0xFFE6},
    Range{0x1F300, 0x1F64F}, Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};
// Combining marks and zero-width characters.
constexpr std::array kZero = {Range{0x0300, 0x036F}, Range{0x1AB0, 0x1AFF}, Range{0x20D0, 0x20FF},
                              Range{0x200B, 0x200D}, Range{0xFE00, 0xFE0F}, Range{0xFE20, 0xFE2F}};
// Line separators and what reorders the rest of a line.
constexpr std::array kUnsafe = {Range{0x80, 0x9F}, Range{0x2028, 0x202E}, Range{0x2066, 0x2069}};

bool is_printable_ascii(char c) { return c >= 0x20 && c < 0x7F; }

char32_t decode(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0);
  char32_t c = byte(0) & (0x7FU >> sequence.size());
  for (std::size_t i = 1; i < sequence.size(); ++i) c = (c << 6) | (byte(i) & 0x3FU);
  return c;
}

void append_hex(std::string& out, std::string_view before, char32_t value, std::string_view after) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string digits;
  do {
    digits.insert(digits.begin(), kHex[value % 16]);
    value /= 16;
  } while (value != 0);
  if (digits.size() < 2) digits.insert(digits.begin(), '0');
  out.append(before).append(digits).append(after);
}

void append_control(std::string& out, unsigned char c) {
  switch (c) {
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      append_hex(out, "\\x", c, "");
  }
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                             : lead >= 0xE0 && lead <= 0xEF ? 3
                             : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                            : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const char32_t c = decode(text.substr(0, length));
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  if (c < kSmallest.at(length) || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return 0;
  return length;
}

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto plain = static_cast<std::size_t>(
        std::find_if_not(text.begin(), text.end(), is_printable_ascii) - text.begin());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      append_hex(out, "\\x", first, "");
    } else if (length == 1 && (first < 0x20 || first == 0x7F)) {
      append_control(out, first);
    } else if (length > 1 && in(kUnsafe, decode(text.substr(0, length)))) {
      append_hex(out, "\\u{", decode(text.substr(0, length)), "}");
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length <= 1) {
      ++width;
    } else {
      const char32_t c = decode(text.substr(0, length));
      width += in(kZero, c) ? 0U : in(kWide, c) ? 2U : 1U;
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return width;
}

std::string quoted_value(std::string_view text) {
  constexpr std::size_t kShownBytes = 60;
  const bool secret = text.find("://") != std::string_view::npos ||
                      text.find('@') != std::string_view::npos ||
                      text.find("password") != std::string_view::npos;
  if (secret) return "the value";
  if (text.size() <= kShownBytes) return '`' + escaped(text) + '`';
  std::size_t end = 0;
  while (end < kShownBytes) {
    const std::size_t length = utf8_length(text.substr(end));
    end += length == 0 ? 1 : length;
  }
  return '`' + escaped(text.substr(0, end)) + "…`";
}

}  // namespace parallax::proxy
