#include "shadow/compare/row_order.h"

#include <algorithm>
#include <string_view>

namespace parallax::shadow {

namespace {

using Side = RowColumns::Side;

}  // namespace

RowOrder::RowOrder(const ComparisonBasis& basis, const ResultSet& legacy)
    : mode_(basis.rule.source.compare.order), order_(basis.rule.legacy_order) {
  std::vector<std::string_view> labels;
  for (const ColumnInfo& column : legacy.columns()) labels.emplace_back(column.label);
  for (const auto& column : order_.resolve(labels)) {
    const auto& pairs = basis.pairing.pairs;
    const auto found = std::ranges::find_if(
        pairs, [&](const ColumnPair& pair) { return column && pair.legacy == *column; });
    // What comes after a key that is not known orders nothing that can be seen.
    if (found == pairs.end()) break;
    keys_.push_back(static_cast<std::size_t>(found - pairs.begin()));
  }
}

bool RowOrder::tie(RowColumns& columns, std::size_t legacy_row, std::size_t rewrite_row) const {
  return std::ranges::all_of(keys_, [&](std::size_t pair) {
    return columns.compare_cell(legacy_row, rewrite_row, pair) != CellEquality::different;
  });
}

bool RowOrder::legacy_tie(RowColumns& columns, std::size_t first, std::size_t second) const {
  return std::ranges::all_of(
      keys_, [&](std::size_t pair) { return columns.same_in_legacy(first, second, pair); });
}

bool RowOrder::in_sequence(RowColumns& columns,
                           std::vector<std::pair<std::size_t, std::size_t>>& pairs) const {
  if (!ordered()) return true;
  std::sort(pairs.begin(), pairs.end());
  std::size_t passed = 0;  // one behind the last rewrite row of all groups before this one
  std::size_t highest = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const bool new_group =
        strict() || i == 0 || !legacy_tie(columns, pairs[i - 1].first, pairs[i].first);
    if (new_group) passed = highest;
    if (pairs[i].second < passed) return false;
    highest = std::max(highest, pairs[i].second + 1);
  }
  return true;
}

bool RowOrder::may_be_cut(RowColumns& columns, std::span<const std::size_t> legacy_only,
                          std::span<const std::size_t> rewrite_only) const {
  const std::size_t rows = columns.rows(Side::legacy);
  if (!proven() || rows == 0 || rows != columns.rows(Side::rewrite)) return false;
  const bool by_limit = order_.limit_cuts && (!order_.limit || rows >= *order_.limit);
  std::size_t legacy_left = legacy_only.size();
  std::size_t rewrite_left = rewrite_only.size();
  // As many rows on both sides tie with `edge`; true when no others are left.
  const auto take_group = [&](std::size_t edge) {
    const auto legacy_tied = std::ranges::count_if(
        legacy_only, [&](std::size_t row) { return legacy_tie(columns, edge, row); });
    const auto rewrite_tied = std::ranges::count_if(
        rewrite_only, [&](std::size_t row) { return tie(columns, edge, row); });
    if (legacy_tied != rewrite_tied) return false;
    legacy_left -= static_cast<std::size_t>(legacy_tied);
    rewrite_left -= static_cast<std::size_t>(rewrite_tied);
    return legacy_left == 0 && rewrite_left == 0;
  };
  if (by_limit && take_group(rows - 1)) return true;
  // Where all rows tie, the group of the last row is that of the first.
  if (!order_.offset_cuts || (by_limit && legacy_tie(columns, 0, rows - 1))) return false;
  return take_group(0);
}

}  // namespace parallax::shadow
