#pragma once

// What the text of a statement says of its columns and of what its values are compared with. No
// server is asked.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {

// One expression of a select list.
struct OutputColumn {
  std::string label;       // as RowDescription has it
  bool aliased = false;    // the statement gives the label
  std::string table;       // a plain column's table, also behind a cast; empty: an expression
  std::string column;      // a plain column's name
  std::string expression;  // as it is written, without its label
  bool has_slot = false;   // a value stands in it
};

// What a value is for.
enum class ValueUse { plain, lower_bound, upper_bound, limit, offset };
struct ValuePlace {
  std::string column;  // that it is compared with; empty: none that could be told
  ValueUse use = ValueUse::plain;
  std::string cast;  // `::text`, `CAST(… AS "IssueStatus")`: the outermost type; empty: none
};

struct StatementFacts {
  bool select = false;                // one SELECT that parses
  std::vector<OutputColumn> columns;  // none where there is a `*`
  std::vector<std::string> tables;    // of FROM, in order, without schema
  bool of_catalog = false;            // reads the system's catalogs only
  std::vector<ValuePlace> places;     // by slot of the shape
};

// `shape`: of this text.
StatementFacts statement_facts(std::string_view sql, const StatementShape& shape);

}  // namespace parallax::shadow
