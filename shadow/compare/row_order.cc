#include "shadow/compare/row_order.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>

#include "shadow/compare/row_cuts.h"
#include "shadow/compare/row_match.h"
#include "shadow/compare/sort_keys.h"

namespace parallax::shadow {

namespace {

bool is_unordered(const Rule& rule, const RuleStatement& statement) {
  return rule.source.compare.unordered_statements.contains(statement.name);
}

bool same_cells(const ResultSet& rows, std::size_t a, std::size_t b,
                std::span<const std::size_t> columns) {
  return std::ranges::all_of(
      columns, [&](std::size_t column) { return rows.cell(a, column) == rows.cell(b, column); });
}

}  // namespace

RowOrder::RowOrder(const ComparisonBasis& basis, const ResultSet& legacy)
    : mode_(is_unordered(basis.rule, basis.rule.root()) ? OrderMode::ignore
                                                        : basis.rule.source.compare.order),
      one_row_(basis.pairing.one_row),
      hides_children_(mode_ == OrderMode::automatic &&
                      std::ranges::any_of(legacy.columns(), &ColumnInfo::json)),
      order_(basis.rule.root().order),
      values_(basis.values),
      keys_(keys_of(order_, basis.pairing, legacy, 0)),
      picked_by_(order_.picks ? picked_by(order_, basis.pairing, legacy, 0) : std::nullopt) {
  if (!basis.pairing.statements.empty()) read_children(basis, legacy);
}

void RowOrder::read_children(const ComparisonBasis& basis, const ResultSet& legacy) {
  const auto& statements = basis.rule.legacy;
  root_columns_ = columns_of(legacy, basis.pairing, 0).size();
  root_pairs_ = identity_of(basis.pairing, legacy, 0);
  root_has_key_ = has_key(basis.pairing, legacy, 0);
  cuts_ = ChildCuts(basis, legacy);
  if (basis.rule.source.compare.order != OrderMode::automatic) return;
  for (std::size_t i = 1; i < statements.size(); ++i) {
    if (!statements[i].order.ordered || is_unordered(basis.rule, statements[i])) continue;
    ChildOrder child;
    child.keys = keys_of(statements[i].order, basis.pairing, legacy, i);
    std::vector<bool> below(statements.size(), false);
    for (std::size_t s = 0; s < statements.size(); ++s) {
      below[s] = s == i || (statements[s].link && below[statements[s].link->parent]);
      if (below[s]) continue;
      const std::size_t begin = basis.pairing.statements[s];
      for (std::size_t c = 0; c < columns_of(legacy, basis.pairing, s).size(); ++c)
        child.parent.push_back(begin + c);
    }
    if (!child.keys.empty()) children_.push_back(std::move(child));
  }
}

// Rows of one row of the root follow each other. Without their key equal ones cannot be told apart:
// then there may be as many as rows.
std::size_t RowOrder::root_rows(const ResultSet& legacy) const {
  if (!root_has_key_) return legacy.rows();
  std::vector<std::size_t> root(root_columns_);
  std::iota(root.begin(), root.end(), std::size_t{0});
  std::size_t count = 0;
  for (std::size_t row = 0; row < legacy.rows(); ++row) {
    if (row == 0 || !same_cells(legacy, row - 1, row, root)) ++count;
  }
  return count;
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
  if (!ordered() && !orders_children()) return true;
  std::sort(pairs.begin(), pairs.end());
  for (const ChildOrder& child : children_) {
    if (!child_in_sequence(columns, child, pairs)) return false;
  }
  if (!ordered()) return true;
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

// Rows of one parent, in legacy's sequence: those behind a group of rows that tie come behind all
// of that group in the rewrite, too.
bool RowOrder::child_in_sequence(RowColumns& columns, const ChildOrder& child,
                                 const RowPairs& pairs) const {
  struct Group {
    std::size_t last_legacy = 0;
    std::size_t passed = 0;  // as in in_sequence()
    std::size_t highest = 0;
  };
  const ResultSet& legacy = columns.result(Side::legacy);
  std::unordered_map<std::string, Group> groups;
  std::string key;
  for (const auto& pair_of_rows : pairs) {
    const std::size_t row = pair_of_rows.first;
    const std::size_t rewrite = pair_of_rows.second;
    key.clear();
    for (const std::size_t column : child.parent) {
      const auto cell = legacy.cell(row, column);
      key.append(cell ? std::to_string(cell->size()) : "-").append(":").append(cell.value_or(""));
    }
    const auto [found, is_new] = groups.try_emplace(key);
    Group& group = found->second;
    const bool ties = !is_new && std::ranges::all_of(child.keys, [&](std::size_t pair) {
      return columns.same_in_legacy(group.last_legacy, row, pair);
    });
    if (!ties) group.passed = group.highest;
    if (rewrite < group.passed) return false;
    group.highest = std::max(group.highest, rewrite + 1);
    group.last_legacy = row;
  }
  return true;
}

bool RowOrder::picks_differ(RowColumns& columns, std::span<const std::size_t> legacy_only,
                            std::span<const std::size_t> rewrite_only) const {
  if (!picked_by_ || root_columns_ != 0) return false;
  const MatchedRows matched = match_rows(columns, *picked_by_, legacy_only, rewrite_only);
  return matched.legacy_only.empty() && matched.rewrite_only.empty();
}

bool RowOrder::may_be_cut(RowColumns& columns, std::span<const std::size_t> legacy_only,
                          std::span<const std::size_t> rewrite_only) const {
  const std::size_t rows = columns.rows(Side::legacy);
  const bool several = root_columns_ != 0;
  if (several && !strict() && cuts_.may_be_cut(columns, legacy_only, rewrite_only)) return true;
  if (one_row_ || !proven() || rows == 0) return false;
  if (picks_differ(columns, legacy_only, rewrite_only)) return true;
  // What is left belongs to rows of the root that the other side does not have at all.
  if (several && !are_exchanged(columns, root_pairs_, legacy_only, rewrite_only)) return false;
  if (!several && rows != columns.rows(Side::rewrite)) return false;
  const std::size_t counted = several ? root_rows(columns.result(Side::legacy)) : rows;
  const RowCuts cuts = row_cuts(order_, values_, counted);
  std::size_t legacy_left = legacy_only.size();
  std::size_t rewrite_left = rewrite_only.size();
  // As many rows on both sides tie with `edge`; true when no others are left.
  const auto take_group = [&](std::size_t edge) {
    const auto legacy_tied = std::ranges::count_if(
        legacy_only, [&](std::size_t row) { return legacy_tie(columns, edge, row); });
    const auto rewrite_tied = std::ranges::count_if(
        rewrite_only, [&](std::size_t row) { return tie(columns, edge, row); });
    if (!several && legacy_tied != rewrite_tied) return false;
    legacy_left -= static_cast<std::size_t>(legacy_tied);
    rewrite_left -= static_cast<std::size_t>(rewrite_tied);
    return legacy_left == 0 && rewrite_left == 0;
  };
  if (cuts.by_limit && take_group(rows - 1)) return true;
  // Where all rows tie, the group of the last row is that of the first.
  if (!cuts.by_offset || (cuts.by_limit && legacy_tie(columns, 0, rows - 1))) return false;
  return take_group(0);
}

}  // namespace parallax::shadow
