#include "shadow/rules/nested_text.h"

#include <charconv>

namespace parallax::shadow {

std::optional<std::int32_t> NestedText::integer() {
  const char* const begin = text_.data() + at_;
  std::int32_t value = 0;
  const auto read = std::from_chars(begin, text_.data() + text_.size(), value);
  if (read.ec != std::errc()) return std::nullopt;
  at_ += static_cast<std::size_t>(read.ptr - begin);
  return value;
}

std::optional<NestedItem> NestedText::item(std::string_view ends) {
  const bool quoted = peek() == '"';
  std::size_t end = at_ + (quoted ? 1 : 0);
  for (; end < text_.size(); ++end) {
    const char c = text_[end];
    if (c == '"' || c == '\\' || (!quoted && ends.find(c) != std::string_view::npos)) break;
  }
  if (end == text_.size()) return std::nullopt;
  const bool closes = quoted && text_[end] == '"' && end + 1 < text_.size() &&
                      ends.find(text_[end + 1]) != std::string_view::npos;
  const bool plain = !quoted && text_[end] != '"' && text_[end] != '\\';
  if (!closes && !plain) return escaped_item(ends);
  const std::size_t begin = at_ + (quoted ? 1 : 0);
  at_ = end + (quoted ? 1 : 0);
  return NestedItem{text_.substr(begin, end - begin), quoted};
}

// A backslash takes the next character as it is; inside quotes two quotes are one.
std::optional<NestedItem> NestedText::escaped_item(std::string_view ends) {
  unescaped_.clear();
  bool inside = false;
  bool quoted = false;
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '\\') {
      if (++at_ == text_.size()) return std::nullopt;
      unescaped_.push_back(text_[at_]);
    } else if (c == '"') {
      if (inside && at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        unescaped_.push_back('"');
        ++at_;
      } else {
        inside = !inside;
        quoted = true;
      }
    } else if (!inside && ends.find(c) != std::string_view::npos) {
      return NestedItem{unescaped_, quoted};
    } else {
      unescaped_.push_back(c);
    }
  }
  return std::nullopt;
}

}  // namespace parallax::shadow
