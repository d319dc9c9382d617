#pragma once

// Rows of two results seen through their paired columns: equality, and matching of rows in any
// order.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "shadow/compare/result_set.h"

namespace parallax::shadow {

enum class CellKind { text, numeric };

struct PairedColumn {
  std::size_t legacy;
  std::size_t rewrite;
  CellKind kind;
};

// One result, its columns in the order of the pairs. The result must outlive it.
class RowSide {
 public:
  struct Column {
    std::size_t index;
    CellKind kind;
  };
  RowSide(const ResultSet& result, std::vector<Column> columns)
      : result_(&result),
        columns_(std::move(columns)),
        has_numeric_(std::any_of(columns_.begin(), columns_.end(), [](const Column& column) {
          return column.kind == CellKind::numeric;
        })) {}

  std::size_t rows() const { return result_->rows(); }
  // Without one, equal values are equal texts.
  bool has_numeric() const { return has_numeric_; }
  std::span<const Column> columns() const { return columns_; }
  std::optional<std::string_view> cell(std::size_t row, std::size_t pair) const {
    return result_->cell(row, columns_[pair].index);
  }
  // The same rows, seen through some of the pairs only.
  RowSide only(std::span<const std::size_t> pairs) const;

 private:
  const ResultSet* result_;
  std::vector<Column> columns_;
  bool has_numeric_;
};

enum class RowEquality { different, same_value, same_text };

// Both sides have the same number of columns. NULL equals NULL only. Allocates nothing.
RowEquality compare_rows(const RowSide& first, std::size_t first_row, const RowSide& second,
                         std::size_t second_row);
bool same_cell(const std::optional<std::string_view>& first,
               const std::optional<std::string_view>& second, CellKind kind);

struct MatchedRows {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;  // legacy row, rewrite row
  std::vector<std::size_t> legacy_only;                    // ascending
  std::vector<std::size_t> rewrite_only;                   // ascending
  bool same_text = true;  // of all pairs: none is equal only by value
};

// Multiset intersection of the given rows. Rows that are equal several times pair in order of
// occurrence. O(n log n) whatever the data: hashes only sort, equality is always proven by cells.
MatchedRows match_rows(const RowSide& legacy, std::span<const std::size_t> legacy_rows,
                       const RowSide& rewrite, std::span<const std::size_t> rewrite_rows);

}  // namespace parallax::shadow
