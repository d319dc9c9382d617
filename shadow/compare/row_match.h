#pragma once

// Which row of legacy is which row of the rewrite, in whatever sequence they came.

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "shadow/compare/row_columns.h"

namespace parallax::shadow {

struct MatchedRows {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;  // legacy row, rewrite row
  std::vector<std::size_t> legacy_only;                    // ascending
  std::vector<std::size_t> rewrite_only;                   // ascending
};

// Multiset intersection of the given rows, seen through some of the pairs (indexes into
// `columns.columns()`). Rows that are equal several times pair in order of occurrence, those of the
// same bytes first. O(n log n) whatever the data: hashes only sort, equality is always proven.
// In columns with a tolerance the cells of a pair are near each other: rows that agree in all other
// columns are paired by rising values, which finds a whole pairing where one such column has one.
MatchedRows match_rows(RowColumns& columns, std::span<const std::size_t> pairs,
                       std::span<const std::size_t> legacy_rows,
                       std::span<const std::size_t> rewrite_rows);

// Whether some rows have been exchanged for as many others: seen through these pairs, the given
// rows are as many different ones on both sides, and none of them is on the other side at all.
bool are_exchanged(RowColumns& columns, std::span<const std::size_t> pairs,
                   std::span<const std::size_t> legacy_only,
                   std::span<const std::size_t> rewrite_only);

}  // namespace parallax::shadow
