#pragma once

// The items of array, composite and range literals (PostgreSQL manual, "Array Input and Output
// Syntax", "Composite Type Input and Output Syntax").

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parallax::shadow {

struct NestedItem {
  std::string_view text;  // without quotes and escapes; lives until the next item is read
  bool quoted = false;
};

class NestedText {
 public:
  explicit NestedText(std::string_view text) : text_(text) {}

  bool done() const { return at_ == text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  std::optional<std::int32_t> integer();
  // Up to one of `ends`, which is not taken. Nothing: the text ends before.
  std::optional<NestedItem> item(std::string_view ends);

 private:
  std::optional<NestedItem> escaped_item(std::string_view ends);

  std::string_view text_;
  std::size_t at_ = 0;
  std::string unescaped_;
};

}  // namespace parallax::shadow
