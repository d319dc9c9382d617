#include "shadow/rules/literal.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "shadow/rules/tokens.h"

namespace parallax::shadow {

namespace {

constexpr std::uint32_t kHighSurrogate = 0xD800;
constexpr std::uint32_t kLowSurrogate = 0xDC00;
constexpr std::uint32_t kSurrogatesEnd = 0xE000;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool append_utf8(std::string& out, std::uint32_t code) {
  const auto push = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto tail = [&](unsigned shift) { push(0x80 | ((code >> shift) & 0x3F)); };
  if (code == 0 || code > 0x10FFFF) return false;
  if (code >= kHighSurrogate && code < kSurrogatesEnd) return false;
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xC0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    push(0xE0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    push(0xF0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
  return true;
}

// The text between the quotes of a constant and its continuation lines, quotes doubled in the
// source made single; E'' escapes are left for later, but an escaped quote does not end the
// constant.
class QuotedText {
 public:
  QuotedText(std::string_view source, bool backslashes)
      : source_(source), backslashes_(backslashes) {}

  std::optional<std::string> read() {
    std::string out;
    do {
      if (!take('\'')) return std::nullopt;
      if (!segment(out)) return std::nullopt;
    } while (skip_to_continuation());
    if (at_ != source_.size()) return std::nullopt;
    return out;
  }

 private:
  bool take(char c) {
    if (at_ >= source_.size() || source_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool segment(std::string& out) {
    while (at_ < source_.size()) {
      const char c = source_[at_++];
      if (c == '\'') {
        if (at_ >= source_.size() || source_[at_] != '\'') return true;
        ++at_;
        // Kept apart from the escape that may follow: a doubled quote is a quote.
        out += backslashes_ ? "\\'" : "'";
      } else if (c == '\\' && backslashes_ && at_ < source_.size()) {
        out.push_back(c);
        out.push_back(source_[at_++]);
      } else {
        out.push_back(c);
      }
    }
    return false;
  }

  // White space with a newline may stand between 'a' and its continuation 'b'. (The server allows
  // line comments as well; libpg_query reads those as the end of the constant.)
  bool skip_to_continuation() {
    while (at_ < source_.size() && source_[at_] != '\'') ++at_;
    return at_ < source_.size();
  }

  std::string_view source_;
  bool backslashes_;
  std::size_t at_ = 0;
};

// Code points and bytes of escape sequences, with UTF-16 surrogate pairs put together.
class Unescaper {
 public:
  explicit Unescaper(std::string_view text) : text_(text) {}

  // E'...': \b \f \n \r \t \ooo \xhh \uhhhh \Uhhhhhhhh, any other character stands for itself.
  std::optional<std::string> c_style() {
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      const bool good = c == '\\' && at_ < text_.size() ? c_escape() : plain(c);
      if (!good) return std::nullopt;
    }
    return finish();
  }

  // U&'...': \hhhh, \+hhhhhh, and the escape character doubled.
  std::optional<std::string> unicode_style(char escape) {
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      bool good = true;
      if (c != escape) {
        good = plain(c);
      } else if (at_ < text_.size() && text_[at_] == escape) {
        ++at_;
        good = plain(c);
      } else if (at_ < text_.size() && text_[at_] == '+') {
        ++at_;
        good = code_point(6);
      } else {
        good = code_point(4);
      }
      if (!good) return std::nullopt;
    }
    return finish();
  }

 private:
  bool plain(char c) {
    if (high_ != 0) return false;
    out_.push_back(c);
    return true;
  }

  bool c_escape() {
    const char c = text_[at_++];
    switch (c) {
      case 'b':
        return plain('\b');
      case 'f':
        return plain('\f');
      case 'n':
        return plain('\n');
      case 'r':
        return plain('\r');
      case 't':
        return plain('\t');
      case 'u':
        return code_point(4);
      case 'U':
        return code_point(8);
      case 'x':
        return byte_of_digits(c, 16, 2);
      default:
        if (c < '0' || c > '7') return plain(c);
        --at_;
        return byte_of_digits(c, 8, 3);
    }
  }

  // `\x` without a hexadecimal digit is an x.
  bool byte_of_digits(char self, int base, int most) {
    int value = 0;
    int count = 0;
    while (count < most && at_ < text_.size()) {
      const int digit = hex_digit(text_[at_]);
      if (digit < 0 || digit >= base) break;
      value = value * base + digit;
      ++at_;
      ++count;
    }
    if (count == 0) return plain(self);
    return (value & 0xFF) != 0 && plain(static_cast<char>(value & 0xFF));
  }

  bool code_point(int digits) {
    std::uint32_t code = 0;
    for (int i = 0; i < digits; ++i) {
      const int digit = at_ < text_.size() ? hex_digit(text_[at_]) : -1;
      if (digit < 0) return false;
      code = code << 4 | static_cast<std::uint32_t>(digit);
      ++at_;
    }
    const bool low = code >= kLowSurrogate && code < kSurrogatesEnd;
    if (low != (high_ != 0)) return false;
    if (code >= kHighSurrogate && code < kLowSurrogate) {
      high_ = code;
      return true;
    }
    if (low) code = 0x10000 + ((high_ - kHighSurrogate) << 10) + (code - kLowSurrogate);
    high_ = 0;
    return append_utf8(out_, code);
  }

  std::optional<std::string> finish() {
    if (high_ != 0 || !is_valid_utf8(out_)) return std::nullopt;
    return std::move(out_);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t high_ = 0;  // a high surrogate that waits for its low one
  std::string out_;
};

std::optional<std::string> decode_dollar(std::string_view source) {
  const auto tag_end = source.find('$', 1);
  if (tag_end == std::string_view::npos) return std::nullopt;
  const auto tag_size = tag_end + 1;
  if (source.size() < 2 * tag_size) return std::nullopt;
  return std::string(source.substr(tag_size, source.size() - 2 * tag_size));
}

}  // namespace

std::optional<std::string> decode_string(std::string_view source, char unicode_escape) {
  if (source.empty()) return std::nullopt;
  switch (source[0]) {
    case '\'':
      return QuotedText(source, false).read();
    case '$':
      return decode_dollar(source);
    case 'e':
    case 'E': {
      const auto text = QuotedText(source.substr(1), true).read();
      if (!text) return std::nullopt;
      return Unescaper(*text).c_style();
    }
    case 'b':
    case 'B':
    case 'x':
    case 'X': {
      auto digits = QuotedText(source.substr(1), false).read();
      if (!digits) return std::nullopt;
      digits->insert(0, 1, source[0] == 'b' || source[0] == 'B' ? 'b' : 'x');
      return digits;
    }
    case 'u':
    case 'U': {
      if (source.size() < 2) return std::nullopt;
      const auto text = QuotedText(source.substr(2), false).read();
      if (!text) return std::nullopt;
      return Unescaper(*text).unicode_style(unicode_escape);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace parallax::shadow
