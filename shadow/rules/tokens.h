#pragma once

// The lexer of PostgreSQL 15 (libpg_query) as the rest of rules/ needs it: tokens without comments,
// with byte positions.

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {

// How freely a keyword may be used as a name (PostgreSQL documentation, appendix C).
enum class KeywordKind { none, unreserved, column_name, type_or_function_name, reserved };

struct Token {
  int type = 0;  // PgQuery__Token; single characters are their own number
  KeywordKind keyword = KeywordKind::none;
  std::size_t begin = 0;  // bytes [begin, end) of the text
  std::size_t end = 0;
};

// Refuses what the server would refuse as a text (NUL bytes, invalid UTF-8, unterminated strings,
// characters that begin no token), texts over kSqlBytesMax, and identifiers written as U&"...".
// Callable from any thread.
std::variant<std::vector<Token>, ShapeError> scan_tokens(std::string_view sql);

// The byte that a libpg_query error position (1-based, in characters) stands for.
std::size_t byte_of_cursor(std::string_view sql, int cursor);

bool is_valid_utf8(std::string_view text);

}  // namespace parallax::shadow
