#include "shadow/rules/bulk_write.h"

#include <algorithm>
#include <array>

namespace parallax::shadow {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

bool begins_write(std::string_view text) {
  constexpr std::array<std::string_view, 5> kWrites = {"insert", "update", "delete", "merge",
                                                       "copy"};
  return std::ranges::any_of(kWrites, [text](std::string_view word) {
    return text.size() > word.size() && is_blank(text[word.size()]) &&
           std::ranges::equal(text.substr(0, word.size()), word, {}, lower);
  });
}

// Also within strings, where it means nothing: such a text is scanned. `word` has an underscore at
// `mark`, which is rarer than letters.
bool contains_word(std::string_view text, std::string_view word, std::size_t mark) {
  for (auto at = text.find('_', mark); at != std::string_view::npos; at = text.find('_', at + 1)) {
    if (std::ranges::equal(text.substr(at - mark, word.size()), word, {}, lower)) return true;
  }
  return false;
}

// Where the string or name that begins at `open` ends; npos: nowhere, or it has escapes. A doubled
// quote ends one and begins another.
std::size_t end_of_quoted(std::string_view text, std::size_t open) {
  const char before = open == 0 ? ' ' : lower(text[open - 1]);
  if (before == 'e' || before == '&') return std::string_view::npos;
  return text.find(text[open], open + 1);
}

// A second statement, a comment, or a dollar quote and not a parameter.
bool needs_a_scan(char c, char next) {
  return c == ';' || c == '\0' || (c == '-' && next == '-') || (c == '/' && next == '*') ||
         (c == '$' && (next < '0' || next > '9'));
}

bool is_one_plain_statement(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const char next = at + 1 < text.size() ? text[at + 1] : ' ';
    if (c == '\'' || c == '"') {
      at = end_of_quoted(text, at);
      if (at == std::string_view::npos) return false;
    } else if (needs_a_scan(c, next)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool is_bulk_write(std::string_view text) {
  return text.size() > kBulkWriteBytes && begins_write(text) &&
         !contains_word(text, "set_config", 3) && !contains_word(text, "pg_temp", 2) &&
         is_one_plain_statement(text);
}

}  // namespace parallax::shadow
