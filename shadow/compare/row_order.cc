#include "shadow/compare/row_order.h"

#include <algorithm>
#include <string>

namespace parallax::shadow {

namespace {

using Side = RowColumns::Side;

}  // namespace

RowOrder::RowOrder(const ComparisonBasis& basis, const ResultSet& legacy)
    : mode_(basis.rule.source.compare.order), order_(basis.rule.legacy_order) {
  for (const auto& column : order_.resolve(legacy.columns())) {
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

bool RowOrder::legacy_tie(const RowColumns& columns, std::size_t first, std::size_t second) const {
  return std::ranges::all_of(keys_, [&](std::size_t pair) {
    const auto left = columns.cell(Side::legacy, first, pair);
    const auto right = columns.cell(Side::legacy, second, pair);
    if (left == right) return true;
    if (!left || !right) return false;
    std::string left_text;
    std::string right_text;
    columns.reader(Side::legacy, pair).append_canonical(*left, left_text);
    columns.reader(Side::legacy, pair).append_canonical(*right, right_text);
    return left_text == right_text;
  });
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
  if (!order_.limit_cuts && !order_.offset_cuts) return false;
  if (!proven() || legacy_only.size() != rewrite_only.size()) return false;
  const std::size_t rows = columns.rows(Side::legacy);
  if (rows == 0 || rows != columns.rows(Side::rewrite)) return false;
  const auto in_group_of = [&](std::size_t row) {
    return std::ranges::all_of(legacy_only,
                               [&](std::size_t left) { return legacy_tie(columns, row, left); }) &&
           std::ranges::all_of(rewrite_only,
                               [&](std::size_t right) { return tie(columns, row, right); });
  };
  return (order_.limit_cuts && in_group_of(rows - 1)) || (order_.offset_cuts && in_group_of(0));
}

}  // namespace parallax::shadow
