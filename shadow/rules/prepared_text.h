#pragma once

// A rule's SQL as a statement that the server and the parser can read: its names as $1, $2, ...

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/rules/rule.h"
#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {

// `:x` or `$n` of a rule (a name in both cases), and what it is called in NamedValues: "x", "$3".
bool is_name(const Slot& slot);
std::string name_of(const Slot& slot);
// As the user writes it: ":x", "$3".
std::string spelling_of(const Slot& slot);

// What the value of a child's `:_` is called: the child is written again with other lists.
std::string any_name(const RuleStatement& child, std::size_t group);

// A space where the next word or parameter would otherwise become part of the one before
// (`limit:n`).
void separate_word(std::string& sql);
void append_parameter(std::string& sql, std::size_t number);

struct PreparedText {
  std::string sql;
  // Byte of the rule's text that a byte of `sql` stands for.
  std::size_t source_offset(std::size_t offset) const;

  struct Piece {
    std::size_t begin = 0;         // in sql
    std::size_t source_begin = 0;  // in the rule's text
    std::size_t source_end = 0;
  };
  std::vector<Piece> pieces;
  // What $1, $2, ... are in the rule: ":id", "$3"; empty for `:_`.
  std::vector<std::string> parameters;
};

// Each occurrence of a name and of `:_` gets a number of its own, a `$n` one for all its places.
// Pins stay.
PreparedText prepare_text(std::string_view source, const StatementShape& shape);

}  // namespace parallax::shadow
