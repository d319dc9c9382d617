#pragma once

// The key of a statement: libpg_query's token stream, normalised. Its fingerprint is far too coarse
// (it gives the same value for `a = $1` and `a in ($1, $2)`, for `select a, b` and `select b, a`).
//
// Comments, white space and a final `;` are gone; keywords and unquoted identifiers are folded to
// lower case; quoted identifiers keep their quotes. Every literal and parameter is a slot; what
// stood there is in the slot table, not in the key. NULL, TRUE, FALSE (not after IS or NOT) and
// signed numbers are literals. A comparison of two constants (1=1, 1=0) stays in the key. A list in
// IN (...) or ARRAY[...] whose members have the same token shape with one slot each, and IN (NULL),
// become one list slot; ARRAY[] is an empty list of plain slots.
//
// String constants are read as with standard_conforming_strings on (the default since 9.1).

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace parallax::shadow {

enum class SlotKind {
  parameter,  // $n of a statement; in a rule, a name too (the legacy text's number)
  literal,    // a constant; in a rule, a pin
  name,       // rules only: `:name`, `:parent.column`
  any         // rules only: `:_`
};
enum class LiteralType { string, number, boolean, null };

struct Slot {
  SlotKind kind = SlotKind::literal;
  std::uint32_t number = 0;                        // of a parameter
  LiteralType literal_type = LiteralType::string;  // of a literal
  std::string
      text;  // literal: decoded (quotes and escapes gone, sign included); name: without the colon
  // Of a link (`:parent.column`): where in `text` its dot stands; 0 = no link.
  std::size_t link_dot = 0;
  std::size_t begin = 0;  // bytes of the source text that the slot covers: [begin, end)
  std::size_t end = 0;
};

// One slot of the key. A list holds its members (none for the empty list, written IN (NULL)).
struct SlotGroup {
  bool list = false;
  bool array =
      false;  // the list stands in ARRAY[...], which may be empty as it is; IN (...) may not
  std::vector<Slot> members;  // exactly one unless list
  // The source bytes of all members, separators included, and of the first member. With these a
  // list of another length is written from the first member's text. ARRAY[]: both empty, between
  // the brackets.
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t first_member_begin = 0;
  std::size_t first_member_end = 0;
};

struct StatementShape {
  std::string key;
  std::vector<SlotGroup> slots;
  bool sets_config = false;  // calls set_config(...)
  bool may_write = false;  // INSERT, UPDATE, DELETE or MERGE occurs as a keyword at the start of a
                           // (sub)statement
  bool creates_temp = false;  // CREATE TEMP, SELECT INTO TEMP or pg_temp.x occurs
};

struct ShapeError {
  std::string message;
  std::size_t offset = 0;  // byte in the text
};

enum class ShapeDialect { statement, rule };  // `rule` reads :name and :_ as slots

// Longer texts are not looked at: one of literals takes 100 to 400 ns a byte.
inline constexpr std::size_t kSqlBytesMax = std::size_t{256} * 1024;

std::variant<StatementShape, ShapeError> shape_of(std::string_view sql, ShapeDialect dialect);

// The text without leading and trailing white space, trailing `;` and comments (at both ends): what
// the cache is keyed by. A comment that differs in each call (trace ids) must not make each call a
// new text.
std::string_view without_outer_comments(std::string_view sql);

}  // namespace parallax::shadow
