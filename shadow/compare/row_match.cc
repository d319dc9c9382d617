#include "shadow/compare/row_match.h"

#include <algorithm>
#include <functional>
#include <string>

#include "shadow/compare/numeric_value.h"

namespace parallax::shadow {
namespace {

using Cell = std::optional<std::string_view>;

struct HashedRow {
  std::uint64_t hash;
  std::size_t row;
};

constexpr std::uint64_t kNullHash = 0x9e3779b97f4a7c15;

std::uint64_t mix(std::uint64_t hash, std::uint64_t next) {
  hash ^= next + kNullHash + (hash << 6) + (hash >> 2);
  return hash * 0xff51afd7ed558ccd;
}

// Equal rows (by value) have equal hashes.
std::uint64_t hash_row(const RowSide& side, std::size_t row, std::string& scratch) {
  std::uint64_t hash = 0;
  const std::hash<std::string_view> hash_text;
  for (std::size_t pair = 0; pair < side.columns().size(); ++pair) {
    const Cell cell = side.cell(row, pair);
    if (!cell) {
      hash = mix(hash, kNullHash);
    } else if (side.columns()[pair].kind == CellKind::numeric) {
      scratch.clear();
      NumericValue(*cell).append_canonical(scratch);
      hash = mix(hash, hash_text(scratch));
    } else {
      hash = mix(hash, hash_text(*cell));
    }
  }
  return hash;
}

int order_text(const Cell& first, const Cell& second) {
  if (!first || !second) return static_cast<int>(first.has_value()) - second.has_value();
  return first->compare(*second);
}

int order_value(const Cell& first, const Cell& second, CellKind kind) {
  const int text = order_text(first, second);
  if (text == 0 || kind == CellKind::text || !first || !second) return text;
  return NumericValue(*first).order(NumericValue(*second));
}

int order_rows_by_value(const RowSide& first, std::size_t first_row, const RowSide& second,
                        std::size_t second_row) {
  for (std::size_t pair = 0; pair < first.columns().size(); ++pair) {
    const int order = order_value(first.cell(first_row, pair), second.cell(second_row, pair),
                                  first.columns()[pair].kind);
    if (order != 0) return order;
  }
  return 0;
}

int order_rows_by_text(const RowSide& side, std::size_t first_row, std::size_t second_row) {
  for (std::size_t pair = 0; pair < side.columns().size(); ++pair) {
    const int order = order_text(side.cell(first_row, pair), side.cell(second_row, pair));
    if (order != 0) return order;
  }
  return 0;
}

// Rows of the same value follow each other, among them those of the same text: when both sides hold
// the same texts, each row then meets its own text.
std::vector<HashedRow> sorted_rows(const RowSide& side, std::span<const std::size_t> rows) {
  std::vector<HashedRow> out;
  out.reserve(rows.size());
  std::string scratch;
  for (const std::size_t row : rows) out.push_back({hash_row(side, row, scratch), row});
  std::sort(out.begin(), out.end(), [&side](const HashedRow& a, const HashedRow& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    const int value = order_rows_by_value(side, a.row, side, b.row);
    if (value != 0) return value < 0;
    const int text = side.has_numeric() ? order_rows_by_text(side, a.row, b.row) : 0;
    return text != 0 ? text < 0 : a.row < b.row;
  });
  return out;
}

int order_sides(const RowSide& legacy, const HashedRow& left, const RowSide& rewrite,
                const HashedRow& right) {
  if (left.hash != right.hash) return left.hash < right.hash ? -1 : 1;
  return order_rows_by_value(legacy, left.row, rewrite, right.row);
}

}  // namespace

RowSide RowSide::only(std::span<const std::size_t> pairs) const {
  std::vector<Column> columns;
  columns.reserve(pairs.size());
  for (const std::size_t pair : pairs) columns.push_back(columns_[pair]);
  return RowSide(*result_, std::move(columns));
}

bool same_cell(const Cell& first, const Cell& second, CellKind kind) {
  return order_value(first, second, kind) == 0;
}

RowEquality compare_rows(const RowSide& first, std::size_t first_row, const RowSide& second,
                         std::size_t second_row) {
  RowEquality out = RowEquality::same_text;
  for (std::size_t pair = 0; pair < first.columns().size(); ++pair) {
    const Cell left = first.cell(first_row, pair);
    const Cell right = second.cell(second_row, pair);
    if (left == right) continue;
    if (first.columns()[pair].kind == CellKind::text) return RowEquality::different;
    if (!left || !right || !same_numeric(*left, *right)) return RowEquality::different;
    out = RowEquality::same_value;
  }
  return out;
}

MatchedRows match_rows(const RowSide& legacy, std::span<const std::size_t> legacy_rows,
                       const RowSide& rewrite, std::span<const std::size_t> rewrite_rows) {
  const auto left = sorted_rows(legacy, legacy_rows);
  const auto right = sorted_rows(rewrite, rewrite_rows);
  MatchedRows out;
  std::size_t l = 0;
  std::size_t r = 0;
  while (l < left.size() && r < right.size()) {
    const int order = order_sides(legacy, left[l], rewrite, right[r]);
    if (order < 0) {
      out.legacy_only.push_back(left[l++].row);
    } else if (order > 0) {
      out.rewrite_only.push_back(right[r++].row);
    } else {
      if (out.same_text && legacy.has_numeric()) {
        out.same_text =
            compare_rows(legacy, left[l].row, rewrite, right[r].row) == RowEquality::same_text;
      }
      out.pairs.emplace_back(left[l++].row, right[r++].row);
    }
  }
  while (l < left.size()) out.legacy_only.push_back(left[l++].row);
  while (r < right.size()) out.rewrite_only.push_back(right[r++].row);
  std::sort(out.legacy_only.begin(), out.legacy_only.end());
  std::sort(out.rewrite_only.begin(), out.rewrite_only.end());
  return out;
}

}  // namespace parallax::shadow
