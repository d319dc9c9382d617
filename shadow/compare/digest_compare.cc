#include "shadow/compare/digest_compare.h"

#include <algorithm>
#include <utility>

#include "shadow/compare/row_cuts.h"
#include "shadow/compare/wording.h"

namespace parallax::shadow {

namespace {

ValueReader reader_of(const DigestBasis& basis, const ColumnInfo& column) {
  return {basis.types, column.type_oid, column.binary, basis.style};
}

// What digests do not know; empty when they tell all.
std::string obstacle(const StepResult& legacy, const StepResult& rewrite, const CompareOptions& by,
                     const DigestBasis& basis) {
  if (by.float_tolerance > 0) return "float_tolerance";
  if (!by.clock.empty()) return "clock";
  if (!by.treat_as_mismatch.empty()) return "treat";
  for (const ColumnPair& pair : basis.pairing.pairs) {
    const ColumnInfo& left = legacy.result.columns()[pair.legacy];
    const ColumnInfo& right = rewrite.result.columns()[pair.rewrite];
    const ValueReader one = reader_of(basis, left);
    const ValueReader other = reader_of(basis, right);
    const bool across = left.binary == right.binary ||
                        (one.comparable_across_formats() && other.comparable_across_formats());
    if (!one.understood() || !other.understood() || !across) {
      return "the type of column " + quoted(left.label);
    }
  }
  return {};
}

Comparison different(MismatchKind kind, std::string detail) {
  Comparison out;
  out.difference = kind;
  out.kinds = {kind};
  out.detail = std::move(detail);
  return out;
}

bool order_counts(const Rule& rule) {
  switch (rule.source.compare.order) {
    case OrderMode::automatic:
      return rule.root().order.ordered;
    case OrderMode::strict:
      return true;
    case OrderMode::ignore:
      break;
  }
  return false;
}

// Digests do not tell which of these it is: it is expected where all of them are.
Comparison other_rows(const Rule& rule, std::size_t rows) {
  Comparison out = different(MismatchKind::value, "other values among " + counted(rows, "row"));
  out.kinds = {MismatchKind::missing_row, MismatchKind::extra_row, MismatchKind::null,
               MismatchKind::value};
  if (order_counts(rule)) out.kinds.insert(MismatchKind::order);
  return out;
}

std::variant<Comparison, std::string> compare_rows(const DigestedResult& legacy,
                                                   const DigestedResult& rewrite,
                                                   const ComparisonBasis& basis) {
  const Rule& rule = basis.rule;
  if (legacy.rows != rewrite.rows) {
    return different(MismatchKind::row_count, "legacy: " + counted(legacy.rows, "row") +
                                                  ", rewrite: " + std::to_string(rewrite.rows));
  }
  if (!legacy.same_rows(rewrite)) {
    const RowCuts cuts = row_cuts(rule.root().order, basis.values, legacy.rows);
    if (cuts.by_limit || cuts.by_offset) return "LIMIT or OFFSET may cut a tie";
    if (rule.root().order.picks) return "DISTINCT ON may give another one of rows that tie";
    return other_rows(rule, legacy.rows);
  }
  if (legacy.sequence != rewrite.sequence && order_counts(rule)) {
    if (rule.source.compare.order == OrderMode::strict) {
      return different(MismatchKind::order, "the same rows in another order");
    }
    return "the same rows in another order, which ties of ORDER BY may allow";
  }
  Comparison equal;
  equal.steps = {EqualStep::digest};
  return equal;
}

}  // namespace

DigestedResult digest_of(const StepResult& step, const std::shared_ptr<const DigestBasis>& basis,
                         Side side) {
  if (step.digest != nullptr) return *step.digest;
  ResultDigest digest(basis, step.result.columns(), side);
  digest.add_rows(step.result);
  return digest.finish();
}

std::variant<Comparison, std::string> compare_digests(const StepResult& legacy,
                                                      const StepResult& rewrite,
                                                      const ComparisonBasis& basis) {
  Comparison shape = compare_results(ResultSet(legacy.result.columns()),
                                     ResultSet(rewrite.result.columns()), basis);
  if (shape.difference == MismatchKind::column_count ||
      shape.difference == MismatchKind::column_type) {
    return shape;
  }
  const auto& digest = legacy.digest != nullptr ? legacy.digest : rewrite.digest;
  // Others would not compare: of another number of columns, they only count rows.
  if (!same_types(legacy.result.columns(), digest->basis->legacy_columns) ||
      !same_types(rewrite.result.columns(), digest->basis->rewrite_columns)) {
    return "the columns have other types than at verification";
  }
  const std::string unknown = obstacle(legacy, rewrite, basis.rule.source.compare, *digest->basis);
  if (!unknown.empty()) return unknown;
  return compare_rows(digest_of(legacy, digest->basis, Side::legacy),
                      digest_of(rewrite, digest->basis, Side::rewrite), basis);
}

}  // namespace parallax::shadow
