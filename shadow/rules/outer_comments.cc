// without_outer_comments: on the way of every statement text, so the common cases look at both ends
// only.

#include <cstddef>
#include <string_view>

#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {

namespace {

constexpr auto kNpos = std::string_view::npos;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

bool is_identifier_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_identifier_byte(char c) {
  return is_identifier_start(c) || (c >= '0' && c <= '9') || c == '$';
}

// One past the block comment that begins at `at` (they nest); kNpos when it does not end.
std::size_t end_of_block_comment(std::string_view sql, std::size_t at) {
  std::size_t depth = 0;
  while (at + 1 < sql.size()) {
    const auto pair = sql.substr(at, 2);
    if (pair == "/*") {
      ++depth;
      at += 2;
    } else if (pair == "*/") {
      at += 2;
      if (--depth == 0) return at;
    } else {
      ++at;
    }
  }
  return kNpos;
}

std::size_t end_of_line(std::string_view sql, std::size_t at) {
  const auto newline = sql.find_first_of("\n\r", at);
  return newline == kNpos ? sql.size() : newline + 1;
}

// Where a string goes on that ended at `at`: only white space with a newline, and line comments,
// stand between.
std::size_t continuation(std::string_view sql, std::size_t at) {
  bool newline = false;
  while (at < sql.size()) {
    if (is_space(sql[at])) {
      newline = newline || sql[at] == '\n' || sql[at] == '\r';
      ++at;
    } else if (sql.substr(at).starts_with("--")) {
      at = end_of_line(sql, at);
      newline = true;
    } else {
      break;
    }
  }
  return newline && at < sql.size() && sql[at] == '\'' ? at : kNpos;
}

std::size_t end_of_quoted(std::string_view sql, std::size_t at, bool backslashes) {
  const char quote = sql[at++];
  for (; at < sql.size(); ++at) {
    if (backslashes && sql[at] == '\\') {
      ++at;
    } else if (sql[at] == quote) {
      if (at + 1 < sql.size() && sql[at + 1] == quote) {
        ++at;
        continue;
      }
      // A plain string's continuation reads like a new string; an escape string's must go on
      // reading escapes.
      const auto next = backslashes ? continuation(sql, at + 1) : kNpos;
      if (next == kNpos) return at + 1;
      at = next;
    }
  }
  return kNpos;
}

// One past the parameter, the dollar-quoted string or the single `$` at `at`.
std::size_t end_of_dollar(std::string_view sql, std::size_t at) {
  std::size_t tag_end = at + 1;
  const auto digits = sql.find_first_not_of("0123456789", tag_end);
  if (digits != tag_end) return digits == kNpos ? sql.size() : digits;
  while (tag_end < sql.size() && sql[tag_end] != '$' && is_identifier_byte(sql[tag_end])) ++tag_end;
  if (tag_end >= sql.size() || sql[tag_end] != '$') return at + 1;
  const auto tag = sql.substr(at, tag_end + 1 - at);
  const auto close = sql.find(tag, tag_end + 1);
  return close == kNpos ? kNpos : close + tag.size();
}

std::size_t end_of_word(std::string_view sql, std::size_t at) {
  const std::size_t begin = at;
  while (at < sql.size() && is_identifier_byte(sql[at])) ++at;
  const bool escape_string = at == begin + 1 && (sql[begin] == 'e' || sql[begin] == 'E') &&
                             at < sql.size() && sql[at] == '\'';
  return escape_string ? end_of_quoted(sql, at, true) : at;
}

struct Piece {
  std::size_t end = 0;  // kNpos: unterminated
  bool code = true;     // neither comment nor white space nor `;`
};

Piece piece_at(std::string_view sql, std::size_t at) {
  const char c = sql[at];
  if (is_identifier_start(c)) return {end_of_word(sql, at)};
  if (is_space(c) || c == ';') return {at + 1, false};
  if (c == '\'' || c == '"') return {end_of_quoted(sql, at, false)};
  if (c == '$') return {end_of_dollar(sql, at)};
  if (sql.substr(at).starts_with("--")) return {end_of_line(sql, at), false};
  if (sql.substr(at).starts_with("/*")) return {end_of_block_comment(sql, at), false};
  return {at + 1};
}

// One past the last byte that is neither comment, white space nor a final `;`: the way of the
// lexer, from the start.
std::size_t end_of_code(std::string_view sql) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < sql.size();) {
    const Piece piece = piece_at(sql, at);
    if (piece.end == kNpos) return sql.size();  // the server will say so
    if (piece.code) end = piece.end;
    at = piece.end;
  }
  return end;
}

std::size_t begin_of_code(std::string_view sql) {
  std::size_t at = 0;
  while (at < sql.size()) {
    const auto rest = sql.substr(at);
    if (is_space(sql[at])) {
      ++at;
    } else if (rest.starts_with("--")) {
      at = end_of_line(sql, at);
    } else if (rest.starts_with("/*")) {
      const auto end = end_of_block_comment(sql, at);
      if (end == kNpos) return at;
      at = end;
    } else {
      break;
    }
  }
  return at;
}

std::string_view without_trailing_space(std::string_view sql) {
  while (!sql.empty() && (is_space(sql.back()) || sql.back() == ';')) sql.remove_suffix(1);
  return sql;
}

// A tag as ORMs append it: one plain comment at the very end. No statement ends with the operator
// `*/`, so what ends in these bytes is a comment; it begins at the last `/*` unless comments nest
// or a line comment is about.
std::size_t begin_of_tag(std::string_view sql) {
  const auto begin = sql.rfind("/*");
  if (begin == kNpos || begin + 4 > sql.size()) return kNpos;
  if (begin > 0 && sql[begin - 1] == '*') return kNpos;  // `*/*`: may be the end of another one
  const auto inside = sql.substr(begin + 2, sql.size() - begin - 4);
  if (inside.find("*/") != kNpos || inside.find("--") != kNpos) return kNpos;
  return begin;
}

}  // namespace

std::string_view without_outer_comments(std::string_view sql) {
  sql.remove_prefix(begin_of_code(sql));
  sql = without_trailing_space(sql);
  if (sql.ends_with("*/")) {
    if (const auto begin = begin_of_tag(sql); begin != kNpos) {
      sql = without_trailing_space(sql.substr(0, begin));
    }
  }
  const bool line_comment =
      sql.find("--") != kNpos &&
      sql.substr(sql.find_last_of("\n\r") + 1).find("--") != kNpos;  // npos + 1 = 0
  if (line_comment || sql.ends_with("*/")) sql = sql.substr(0, end_of_code(sql));
  return sql;
}

}  // namespace parallax::shadow
