#include "shadow/compare/json_value.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "shadow/compare/numeric_value.h"

namespace parallax::shadow {
namespace {

constexpr unsigned kHighSurrogate = 0xd800;
constexpr unsigned kLowSurrogate = 0xdc00;
constexpr unsigned kSurrogatesEnd = 0xe000;
constexpr std::string_view kBlanks = " \n\t\r";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A surrogate without its other half, which json (not jsonb) may hold, takes three bytes that no
// valid text has.
void append_utf8(unsigned code, std::string& out) {
  const auto tail = [&](unsigned shift) {
    out.push_back(static_cast<char>(0x80U | (code >> shift & 0x3fU)));
  };
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0U | code >> 6U));
    tail(0);
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0U | code >> 12U));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xf0U | code >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

// One text. Every reader returns false where the text is no JSON.
class JsonReader {
 public:
  JsonReader(std::string_view text, const JsonReading& reading, std::string& out)
      : text_(text), reading_(reading), out_(out) {}

  bool read() {
    skip_blanks();
    if (!value(0)) return false;
    skip_blanks();
    if (at_ != text_.size()) return false;
    if (reading_.kept == EqualStep::json_text) append_big_endian(blanks_, out_);
    return true;
  }

 private:
  // In out_: the key as string() has it, then its value.
  struct Member {
    std::size_t begin;
    std::size_t key_end;
    std::size_t end;
  };

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] > ' ') return;
      const auto kind = kBlanks.find(text_[at_]);
      if (kind == std::string_view::npos) return;
      blanks_ += std::uint64_t{1} << (16 * kind);
    }
  }

  bool value(int depth) {
    if (depth > kJsonDepthMax) return false;
    switch (peek()) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  bool word(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) return false;
    at_ += expected.size();
    out_.push_back(expected.front());
    return true;
  }

  std::size_t skip_digits() {
    const std::size_t begin = at_;
    while (is_digit(peek())) ++at_;
    return at_ - begin;
  }

  bool number() {
    const std::size_t begin = at_;
    take('-');
    const bool zero = peek() == '0';
    const std::size_t whole = skip_digits();
    if (whole == 0 || (zero && whole > 1)) return false;
    if (take('.') && skip_digits() == 0) return false;
    if (take('e') || take('E')) {
      if (!take('-')) take('+');
      if (skip_digits() == 0) return false;
    }
    const std::string_view text = text_.substr(begin, at_ - begin);
    if (reading_.kept == EqualStep::numeric_scale) {
      out_.append(text);
    } else {
      NumericValue(text).append_canonical(out_);
    }
    out_.push_back(',');
    return true;
  }

  bool string() {
    if (!take('"')) return false;
    out_.push_back('"');
    const PartLength length(out_);
    const std::size_t begin = at_;
    for (;;) {
      const std::size_t plain = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= ' ') {
        ++at_;
      }
      if (reading_.kept != EqualStep::json_text) out_.append(text_, plain, at_ - plain);
      if (!take('\\')) break;
      if (!escape()) return false;
    }
    if (!take('"')) return false;
    if (reading_.kept == EqualStep::json_text) out_.append(text_, begin, at_ - 1 - begin);
    length.close(out_);
    return true;
  }

  bool escape() {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (take('u')) return unicode_escape();
    const auto letter = kLetters.find(peek());
    if (at_ == text_.size() || letter == std::string_view::npos) return false;
    ++at_;
    if (reading_.kept != EqualStep::json_text) out_.push_back(kMeanings[letter]);
    return true;
  }

  bool four_hex_digits(unsigned& code) {
    if (text_.size() - at_ < 4) return false;
    code = 0;
    for (const std::size_t end = at_ + 4; at_ < end; ++at_) {
      const char c = text_[at_];
      const char lower = static_cast<char>(c | 0x20);
      if (is_digit(c)) {
        code = code * 16 + static_cast<unsigned>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        code = code * 16 + static_cast<unsigned>(lower - 'a' + 10);
      } else {
        return false;
      }
    }
    return true;
  }

  bool unicode_escape() {
    unsigned code = 0;
    if (!four_hex_digits(code)) return false;
    if (code >= kHighSurrogate && code < kLowSurrogate && text_.substr(at_).starts_with("\\u")) {
      const std::size_t before = at_;
      unsigned low = 0;
      at_ += 2;
      if (!four_hex_digits(low)) return false;
      if (low >= kLowSurrogate && low < kSurrogatesEnd) {
        code = 0x10000 + ((code - kHighSurrogate) << 10U) + (low - kLowSurrogate);
      } else {
        at_ = before;
      }
    }
    if (reading_.kept != EqualStep::json_text) append_utf8(code, out_);
    return true;
  }

  bool array(int depth) {
    take('[');
    out_.push_back('[');
    skip_blanks();
    if (!take(']')) {
      do {
        skip_blanks();
        if (!value(depth + 1)) return false;
        skip_blanks();
      } while (take(','));
      if (!take(']')) return false;
    }
    out_.push_back(']');
    return true;
  }

  bool object(int depth) {
    take('{');
    out_.push_back('{');
    const std::size_t first = members_.size();
    skip_blanks();
    if (!take('}')) {
      do {
        if (!member(depth)) return false;
      } while (take(','));
      if (!take('}')) return false;
    }
    if (reading_.kept != EqualStep::json_order) arrange(first);
    members_.resize(first);
    out_.push_back('}');
    return true;
  }

  bool member(int depth) {
    skip_blanks();
    Member member{out_.size(), 0, 0};
    if (!string()) return false;
    member.key_end = out_.size();
    skip_blanks();
    if (!take(':')) return false;
    skip_blanks();
    if (!value(depth + 1)) return false;
    member.end = out_.size();
    members_.push_back(member);
    skip_blanks();
    return true;
  }

  std::string_view key(const Member& member) const {
    return std::string_view(out_).substr(member.begin, member.key_end - member.begin);
  }

  // Sorts the members from `first` on by their keys: shorter ones first, as jsonb has them already.
  void arrange(std::size_t first) {
    const auto begin = members_.begin() + static_cast<std::ptrdiff_t>(first);
    const auto before = [this](const Member& a, const Member& b) { return key(a) < key(b); };
    const auto same = [this](const Member& a, const Member& b) { return key(a) == key(b); };
    const bool sorted = std::is_sorted(begin, members_.end(), before);
    const bool drops =
        reading_.last_key_wins &&
        (!sorted || std::adjacent_find(begin, members_.end(), same) != members_.end());
    if (sorted && !drops) return;
    const std::size_t start = begin->begin;
    std::stable_sort(begin, members_.end(), before);
    std::string arranged;
    arranged.reserve(out_.size() - start);
    for (auto member = begin; member != members_.end(); ++member) {
      const bool again = member + 1 != members_.end() && same(*member, *(member + 1));
      if (reading_.last_key_wins && again) continue;
      arranged.append(out_, member->begin, member->end - member->begin);
    }
    out_.resize(start);
    out_.append(arranged);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  JsonReading reading_;
  std::string& out_;
  std::uint64_t blanks_ = 0;     // how many of each of kBlanks, 16 bits each
  std::vector<Member> members_;  // of all objects that are open
};

}  // namespace

bool append_json(std::string_view text, const JsonReading& reading, std::string& out) {
  return JsonReader(text, reading, out).read();
}

std::optional<std::string> json_string(std::string_view text) {
  constexpr std::size_t kBefore = 1 + sizeof(std::uint32_t);  // as string() writes it
  std::string out;
  if (!text.starts_with('"') || !append_json(text, {}, out)) return std::nullopt;
  return out.substr(kBefore);
}

}  // namespace parallax::shadow
