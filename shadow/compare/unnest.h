#pragma once

// Rows read out of JSON: a result whose children stand in JSON columns becomes the flat one that a
// left join would give, so that it compares as any other.

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shadow/compare/result_set.h"
#include "shadow/compare/type_catalog.h"

namespace parallax::shadow {

// A value or a child in a JSON column, its columns resolved.
struct UnnestPart {
  static constexpr std::size_t kNoColumn = static_cast<std::size_t>(-1);

  std::string key;   // in an object
  std::string path;  // for people: "memberships.role.id"
  bool child = false;
  bool each = false;  // an array of children
  // In Unnesting::columns. A value's own; of a child, whether it is there: NULL where it is not
  // (for `each`: NULL in place of an array). kNoColumn: not compared.
  std::size_t column = kNoColumn;
  std::vector<UnnestPart> parts;  // a child's, in the order of its array
};

// What verification found of one side whose JSON a rule's projection reads.
struct Unnesting {
  std::vector<ColumnInfo> described;  // as the server gives them
  // The same with the columns that are read out of JSON behind them. A JSON column itself stays in
  // its place and is NULL.
  std::vector<ColumnInfo> columns;
  std::set<std::size_t> untyped;  // of `columns`: held against a value of JSON, too
  std::vector<std::pair<std::size_t, UnnestPart>> json;  // JSON column, what it holds
};

// A row of the parent for each way to take a child of each array, in the arrays' order; NULLs where
// an array is empty. A value of another shape than `unnesting` says: no rows, and the result's
// problem() tells; so does another number of columns, as they came. Nothing when the whole has more
// than `bytes_max`.
std::optional<ResultSet> unnest(const ResultSet& result, const Unnesting& unnesting,
                                const TypeCatalog& types, std::size_t bytes_max);

// The cell of a column that says whether a child is there.
inline constexpr std::string_view kThere = "t";
// And its label: "memberships[]" for many, "role{}" for one.
std::string there_label(std::string_view child, bool each);

}  // namespace parallax::shadow
