#include "shadow/compare/child_cuts.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>

#include "shadow/compare/row_cuts.h"
#include "shadow/compare/row_match.h"
#include "shadow/compare/sort_keys.h"

namespace parallax::shadow {

namespace {

using Indexes = std::vector<std::size_t>;

Indexes joined(Indexes first, const Indexes& second) {
  std::ranges::copy(second, std::back_inserter(first));
  return first;
}

// A parent without a child has one row, with NULLs in the child's place.
bool has_child(const RowColumns& columns, Side side, std::size_t row, const Indexes& own) {
  return std::ranges::any_of(
      own, [&](std::size_t pair) { return columns.cell(side, row, pair).has_value(); });
}

}  // namespace

ChildCuts::ChildCuts(const ComparisonBasis& basis, const ResultSet& legacy)
    : values_(basis.values) {
  const auto& statements = basis.rule.legacy;
  for (std::size_t i = 1; i < statements.size(); ++i) {
    const SortOrder& order = statements[i].order;
    if (!order.limit_cuts && !order.offset_cuts) continue;
    const Indexes keys = keys_of(order, basis.pairing, legacy, i);
    if (keys.size() != order.keys.size()) continue;  // ties cannot be told
    Child child{&order, identity_of(basis.pairing, legacy, i), {}, {}, {}, false};
    if (child.own.empty()) continue;
    for (auto link = statements[i].link; link; link = statements[link->parent].link)
      child.parents = joined(child.parents, pairs_of(basis.pairing, legacy, link->parent));
    child.tied = joined(child.parents, keys);
    child.identity = joined(child.parents, child.own);
    child.has_key = has_key(basis.pairing, legacy, i);
    children_.push_back(std::move(child));
  }
}

bool ChildCuts::may_be_cut(RowColumns& columns, std::span<const std::size_t> legacy_only,
                           std::span<const std::size_t> rewrite_only) const {
  if (legacy_only.empty() || rewrite_only.empty()) return false;
  return std::ranges::any_of(children_, [&](const Child& child) {
    return child_may_be_cut(columns, child, legacy_only, rewrite_only);
  });
}

bool ChildCuts::child_may_be_cut(RowColumns& columns, const Child& child,
                                 std::span<const std::size_t> legacy_only,
                                 std::span<const std::size_t> rewrite_only) const {
  Indexes rows;
  std::set<std::vector<std::optional<std::string_view>>> different;
  for (std::size_t row = 0; row < columns.rows(Side::legacy); ++row) {
    if (!has_child(columns, Side::legacy, row, child.own)) continue;
    rows.push_back(row);
    std::vector<std::optional<std::string_view>> cells;
    for (const std::size_t pair : child.own) cells.push_back(columns.cell(Side::legacy, row, pair));
    different.insert(std::move(cells));
  }
  if (rows.empty()) return false;
  const auto same = [&](std::size_t first, std::size_t second, const Indexes& pairs) {
    return std::ranges::all_of(
        pairs, [&](std::size_t pair) { return columns.same_in_legacy(first, second, pair); });
  };
  const auto one_parent = [&](std::size_t row) { return same(rows.front(), row, child.parents); };
  if (!std::ranges::all_of(rows, one_parent)) return false;
  if (!are_exchanged(columns, child.identity, legacy_only, rewrite_only)) return false;
  const auto all_tie_with = [&](std::size_t edge) {
    return std::ranges::all_of(legacy_only,
                               [&](std::size_t row) {
                                 return has_child(columns, Side::legacy, row, child.own) &&
                                        same(edge, row, child.tied);
                               }) &&
           std::ranges::all_of(rewrite_only, [&](std::size_t row) {
             return has_child(columns, Side::rewrite, row, child.own) &&
                    std::ranges::all_of(child.tied, [&](std::size_t pair) {
                      return columns.compare_cell(edge, row, pair) != CellEquality::different;
                    });
           });
  };
  // Without their key equal rows cannot be told apart: then there may be as many as rows.
  const std::size_t count = child.has_key ? different.size() : rows.size();
  const RowCuts cuts = row_cuts(*child.order, values_, count);
  return (cuts.by_limit && all_tie_with(rows.back())) ||
         (cuts.by_offset && all_tie_with(rows.front()));
}

}  // namespace parallax::shadow
