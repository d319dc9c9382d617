#pragma once

// What may be replayed: one SELECT that only reads, judged by its parse tree (libpg_query).

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "shadow/rules/sort_order.h"

namespace parallax::shadow {

// libpg_query writes trees by recursion, and a word can be a level of nesting: with these a thread
// of 8 MiB cannot overflow (50,000 words do). Reading a tree by protobuf-c needs about 1.2 KiB of
// stack a level.
inline constexpr std::size_t kParsedBytesMax = std::size_t{64} * 1024;
inline constexpr std::size_t kParsedTokensMax = 10'000;
inline constexpr std::size_t kTreeLevelsMax = 1'000;

struct SelectFacts {
  std::vector<std::string> functions;  // called anywhere in it: pg_proc.proname, sorted, each once
  // Tables and views that it names, also common table expressions, sorted, each once:
  // `"public"."users"`, or `"users"` without a schema.
  std::vector<std::string> tables;
  // Everything that may be the name of a function, column, type or operator (`||`), sorted, each
  // once. No literal is among them.
  std::vector<std::string> names;
  SortOrder order;
};

struct SqlProblem {
  std::size_t offset = 0;  // byte of the text
  std::string message;
};

// `sql`: with $n for names. Either the facts or all problems, by place.
std::variant<SelectFacts, std::vector<SqlProblem>> check_select(const std::string& sql);

// Whether the parser reads it (and kParsedBytesMax and kParsedTokensMax allow to ask).
bool parses(const std::string& sql);

// The SELECT with plain casts of columns in its select list removed: `a::text` and CAST(a AS text)
// become `a`, which keeps number, order and labels of the columns. Empty when there is none, or
// when it cannot be written.
std::string without_column_casts(const std::string& sql);

}  // namespace parallax::shadow
