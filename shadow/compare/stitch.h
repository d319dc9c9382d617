#pragma once

// The results of an operation's statements, put together along their links as a join would: one row
// for each parent and child, NULLs where a parent has no child.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "shadow/compare/result_set.h"
#include "shadow/compare/type_catalog.h"
#include "shadow/compare/value_reader.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// What verification found of the statements of a side, in the order of Rule::of.
struct Stitching {
  struct Part {
    std::vector<ColumnInfo> columns;  // labels as a rule names them: "statement.label"
    std::size_t first = 0;            // of its columns in the whole
    std::size_t parent = 0;           // index of its parent; not of the root
    std::size_t parent_column = 0;    // of its parent's columns; not of the root
    std::size_t link_column = 0;      // of its own columns; not of the root
  };
  std::vector<Part> parts;
  // Columns behind all others that say whether a child is there, for a rewrite that has it in JSON.
  struct There {
    std::size_t statement = 0;
    bool each = false;
    std::string label;
  };
  std::vector<There> there;
  std::vector<ColumnInfo> columns() const;
};

// `described`: the columns of each statement, labels as RowDescription has them. `json`: whose
// children are statements of this side (Stitching::there). Or why the links lead nowhere: a parent
// without that column, or with two.
std::variant<Stitching, std::string> make_stitching(
    const std::vector<RuleStatement>& statements,
    const std::vector<std::vector<ColumnInfo>>& described,
    const std::vector<JsonMember>& json = {});

// `results`: one for each statement; types as in their columns. Labels become those of the parts. A
// result of another number of columns than verified: no rows, and another number of columns.
// Nothing when the whole has more than `bytes_max`.
std::optional<ResultSet> stitch(const Stitching& stitching, const TypeCatalog& types,
                                TextStyle style, std::span<const ResultSet* const> results,
                                std::size_t bytes_max);

}  // namespace parallax::shadow
