#include "shadow/compare/compare.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/compare/column_types.h"
#include "shadow/compare/row_difference.h"
#include "shadow/compare/row_match.h"
#include "shadow/compare/wording.h"

namespace parallax::shadow {
namespace {

std::string other_count(std::string_view side, std::size_t now, std::size_t verified) {
  std::string out(side);
  out.append(" has ").append(counted(now, "column")).append(", at verification it had ");
  out.append(std::to_string(verified));
  return out;
}

// Empty when both results have the shape that was verified.
std::string count_difference(const ResultSet& legacy, const ResultSet& rewrite,
                             const Pairing& pairing) {
  if (legacy.columns().size() != pairing.legacy_columns) {
    return other_count("legacy", legacy.columns().size(), pairing.legacy_columns);
  }
  if (rewrite.columns().size() != pairing.rewrite_columns) {
    return other_count("the rewrite", rewrite.columns().size(), pairing.rewrite_columns);
  }
  return {};
}

struct PairedTypes {
  std::vector<PairedColumn> columns;
  std::vector<std::string> different;  // "column "total": int8 against numeric"
  bool integer_width = false;
  bool enum_and_text = false;
};

PairedTypes pair_types(const ResultSet& legacy, const ResultSet& rewrite, const Pairing& pairing,
                       const Catalog& catalog) {
  PairedTypes out;
  out.columns.reserve(pairing.pairs.size());
  for (const ColumnPair& pair : pairing.pairs) {
    const ColumnInfo& left = legacy.columns()[pair.legacy];
    const ColumnInfo& right = rewrite.columns()[pair.rewrite];
    // Binary cells are equal by their bytes alone.
    const CellKind kind = left.binary ? CellKind::text : cell_kind(left.type_oid);
    out.columns.push_back({pair.legacy, pair.rewrite, kind});
    switch (relate_types(left.type_oid, right.type_oid, catalog)) {
      case TypeRelation::same:
        break;
      case TypeRelation::integer_width:
        out.integer_width = true;
        break;
      case TypeRelation::enum_and_text:
        out.enum_and_text = true;
        break;
      case TypeRelation::different:
        out.different.push_back("column " + quoted(left.label) + ": " +
                                type_name(left.type_oid, catalog) + " against " +
                                type_name(right.type_oid, catalog));
        break;
    }
  }
  return out;
}

Comparison shape_difference(MismatchKind kind, std::string detail) {
  Comparison out;
  out.difference = kind;
  out.kinds = {kind};
  out.detail = std::move(detail);
  return out;
}

}  // namespace

Comparison compare_results(const ResultSet& legacy, const ResultSet& rewrite,
                           const ComparisonBasis& basis) {
  const Pairing& pairing = basis.pairing;
  const Catalog& catalog = basis.catalog;
  const bool ordered = basis.rule.legacy_ordered;
  std::string count = count_difference(legacy, rewrite, pairing);
  if (!count.empty()) return shape_difference(MismatchKind::column_count, std::move(count));
  const PairedTypes types = pair_types(legacy, rewrite, pairing, catalog);
  if (!types.different.empty()) {
    return shape_difference(MismatchKind::column_type, listed(types.different, "; "));
  }
  Comparison out = compare_all_rows(legacy, rewrite, types.columns, pairing.key_pairs, ordered);
  if (out.difference) {
    out.kinds.insert(*out.difference);
    return out;
  }
  if (types.integer_width) out.steps.push_back(EqualStep::type_width);
  if (types.enum_and_text) out.steps.push_back(EqualStep::enum_text);
  if (out.steps.empty()) out.steps.push_back(EqualStep::exact);
  return out;
}

bool same_result(const ResultSet& first, const ResultSet& second, bool ordered) {
  const bool same_types =
      std::equal(first.columns().begin(), first.columns().end(), second.columns().begin(),
                 second.columns().end(),
                 [](const ColumnInfo& a, const ColumnInfo& b) { return a.type_oid == b.type_oid; });
  if (!same_types) return false;
  if (first.same_cells(second)) return true;
  std::vector<PairedColumn> columns;
  for (std::size_t i = 0; i < first.columns().size(); ++i) {
    const ColumnInfo& column = first.columns()[i];
    columns.push_back({i, i, column.binary ? CellKind::text : cell_kind(column.type_oid)});
  }
  return !compare_all_rows(first, second, columns, {}, ordered).difference;
}

}  // namespace parallax::shadow
