#include "shadow/rules/comment_tags.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {

namespace {

constexpr auto kNpos = std::string_view::npos;
// Of the comments at each end; Prisma's description of a query can be long.
constexpr std::size_t kCommentBytesMax = 8192;
constexpr std::string_view kSpaces = " \t\n\r\f";

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

bool is_key_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '%';
}

// key='value' pairs with commas between them, as long as it goes well.
class Pairs {
 public:
  explicit Pairs(std::string_view text) : rest_(text) {}

  bool next() {
    skip(" \t\n\r\f,");
    const auto end = std::ranges::find_if_not(rest_, is_key_byte) - rest_.begin();
    key = rest_.substr(0, static_cast<std::size_t>(end));
    rest_.remove_prefix(key.size());
    return !key.empty() && take('=') && take('\'') && read_value();
  }

  std::string_view key;
  std::string value;  // as it is written, \' unescaped

 private:
  void skip(std::string_view bytes) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(bytes), rest_.size()));
  }
  bool take(char c) {
    skip(kSpaces);
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool read_value() {
    value.clear();
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '\'') {
        rest_.remove_prefix(i + 1);
        return true;
      }
      if (rest_.substr(i).starts_with("\\'")) ++i;
      value.push_back(rest_[i]);
    }
    return false;
  }

  std::string_view rest_;
};

void read_comments(std::string_view text, const TagFound& found) {
  text = text.substr(0, kCommentBytesMax);
  for (auto begin = text.find("/*"); begin != kNpos; begin = text.find("/*", begin)) {
    const auto end = text.find("*/", begin + 2);
    if (end == kNpos) return;
    Pairs pairs(text.substr(begin + 2, end - begin - 2));
    while (pairs.next()) found(pairs.key, pairs.value);
    begin = end + 2;
  }
}

}  // namespace

std::string url_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const auto high = hex_digit(text[i + 1]);
      const auto low = hex_digit(text[i + 2]);
      if (high && low) {
        out.push_back(static_cast<char>(*high * 16 + *low));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

void read_comment_tags(std::string_view sql, std::string_view code, const TagFound& found) {
  if (code.size() >= sql.size()) return;
  const auto at = static_cast<std::size_t>(code.data() - sql.data());
  read_comments(sql.substr(0, at), found);
  read_comments(sql.substr(at + code.size()), found);
}

CommentTags comment_tags(std::string_view sql) {
  CommentTags tags;
  read_comment_tags(sql, without_outer_comments(sql),
                    [&tags](std::string_view key, const std::string& value) {
                      tags[url_decoded(key)] = url_decoded(value);
                    });
  return tags;
}

}  // namespace parallax::shadow
