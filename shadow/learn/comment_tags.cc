#include "shadow/learn/comment_tags.h"

#include <charconv>
#include <optional>

#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {

namespace {

constexpr std::size_t kTagsMax = 32;

// %2F -> /; a % that is none stays.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* hex = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(hex, hex + 2, byte, 16).ptr == hex + 2) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

class TagReader {
 public:
  TagReader(std::string_view comment, CommentTags& tags) : rest_(comment), tags_(tags) {}

  void read() {
    while (!rest_.empty() && tags_.size() < kTagsMax) {
      skip(" \t\n\r,*/-");
      const auto equals = rest_.find("='");
      if (equals == std::string_view::npos) return;
      const auto key = rest_.substr(0, equals);
      rest_.remove_prefix(equals + 2);
      const auto value = quoted();
      if (!value) return;
      const auto start = key.find_last_of(" \t\n\r,*/");
      const auto word = start == std::string_view::npos ? key : key.substr(start + 1);
      if (!word.empty()) tags_.emplace(decoded(word), decoded(*value));
    }
  }

 private:
  void skip(std::string_view characters) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(characters), rest_.size()));
  }

  std::optional<std::string> quoted() {
    std::string value;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '\\' && i + 1 < rest_.size()) {
        value.push_back(rest_[++i]);
      } else if (rest_[i] == '\'') {
        rest_.remove_prefix(i + 1);
        return value;
      } else {
        value.push_back(rest_[i]);
      }
    }
    return std::nullopt;
  }

  std::string_view rest_;
  CommentTags& tags_;
};

}  // namespace

CommentTags comment_tags(std::string_view sql) {
  CommentTags tags;
  const auto inner = without_outer_comments(sql);
  if (inner.size() == sql.size()) return tags;
  const auto begin = static_cast<std::size_t>(inner.data() - sql.data());
  TagReader(sql.substr(0, begin), tags).read();
  TagReader(sql.substr(begin + inner.size()), tags).read();
  return tags;
}

}  // namespace parallax::shadow
