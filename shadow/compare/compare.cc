#include "shadow/compare/compare.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/compare/column_types.h"
#include "shadow/compare/row_difference.h"
#include "shadow/compare/row_order.h"
#include "shadow/compare/wording.h"
#include "shadow/rules/concat.h"

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
  std::vector<std::string> different;  // "column "total": int8 against numeric"
  std::set<EqualStep> steps;
};

PairedTypes pair_types(const ResultSet& legacy, const ResultSet& rewrite,
                       const ComparisonBasis& basis) {
  PairedTypes out;
  for (const ColumnPair& pair : basis.pairing.pairs) {
    const ColumnInfo& left = legacy.columns()[pair.legacy];
    const ColumnInfo& right = rewrite.columns()[pair.rewrite];
    const TypeMatch match = match_types(left.type_oid, right.type_oid, basis.catalog.types);
    if (match.step) out.steps.insert(*match.step);
    if (match.comparable) continue;
    out.different.push_back("column " + quoted(left.label) + ": " +
                            type_name(left.type_oid, basis.catalog) + " against " +
                            type_name(right.type_oid, basis.catalog));
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

// A finding of its own among all others; the least of them.
void add_hazards(Comparison& out, const ResultSet& legacy, const ResultSet& rewrite,
                 const Pairing& pairing) {
  std::vector<std::string> columns;
  for (const ColumnPair& pair : pairing.pairs) {
    const ColumnInfo& column = legacy.columns()[pair.legacy];
    if (rewrite.columns()[pair.rewrite].hazard && !column.hazard)
      columns.push_back(quoted(column.label));
  }
  if (columns.empty() || out.cut_tie) return;
  out.kinds.insert(MismatchKind::json_hazard);
  if (out.difference && *out.difference < MismatchKind::json_hazard) return;
  out.difference = MismatchKind::json_hazard;
  out.detail = concat({"a JSON number that changes when a double reads and prints it; column",
                       columns.size() == 1 ? " " : "s ", listed(columns)});
}

bool reads_json(const ResultSet& result) {
  return std::ranges::any_of(result.columns(), &ColumnInfo::json);
}

std::vector<EqualStep> refused_steps(const std::vector<EqualStep>& steps,
                                     const CompareOptions& options) {
  std::vector<EqualStep> refused;
  std::ranges::copy_if(steps, std::back_inserter(refused),
                       [&](EqualStep step) { return options.treat_as_mismatch.contains(step); });
  return refused;
}

MismatchKind kind_of_refused(EqualStep step) {
  return step == EqualStep::order || step == EqualStep::order_unproven ? MismatchKind::order
                                                                       : MismatchKind::value;
}

// A wanted strictness: what made the results equal is itself the difference.
Comparison judged_by_treat(Comparison equal, const CompareOptions& options) {
  const auto refused = refused_steps(equal.steps, options);
  if (refused.empty()) return equal;
  auto out = shape_difference(
      kind_of_refused(refused.front()),
      "equal only by `" + std::string(name(refused.front())) + "`, which `treat` makes a mismatch");
  for (const EqualStep step : refused) out.kinds.insert(kind_of_refused(step));
  return out;
}

// A rule that has the side for legacy and for rewrite, as far as rows are compared by it.
Rule against_itself(const Rule& rule, Side side) {
  Rule itself;
  itself.legacy.clear();
  for (const RuleStatement& statement : rule.of(side)) {
    itself.legacy.emplace_back();
    itself.legacy.back().name = statement.name;
    itself.legacy.back().order = statement.order;
    itself.legacy.back().link = statement.link;
  }
  if (side == Side::legacy || rule.source.compare.order == OrderMode::ignore)
    itself.source.compare.order = rule.source.compare.order;
  if (side == Side::legacy)
    itself.source.compare.unordered_statements = rule.source.compare.unordered_statements;
  return itself;
}

}  // namespace

Comparison compare_results(const ResultSet& legacy, const ResultSet& rewrite,
                           const ComparisonBasis& basis) {
  for (const auto& [side, result] :
       {std::pair("legacy: ", &legacy), std::pair("rewrite: ", &rewrite)}) {
    if (const auto& problem = result->problem())
      return shape_difference(problem->kind, side + problem->detail);
  }
  std::string count = count_difference(legacy, rewrite, basis.pairing);
  if (!count.empty()) return shape_difference(MismatchKind::column_count, std::move(count));
  const PairedTypes types = pair_types(legacy, rewrite, basis);
  if (!types.different.empty()) {
    return shape_difference(MismatchKind::column_type, listed(types.different, "; "));
  }
  RowColumns columns(legacy, rewrite, basis);
  if (const auto pair = columns.incomparable()) {
    Comparison out;
    out.incomparable = true;
    out.detail = "column " + quoted(legacy.columns()[basis.pairing.pairs[*pair].legacy].label) +
                 " came as text and as binary, which cannot be compared for its type";
    return out;
  }
  Comparison out = compare_all_rows(columns, RowOrder(basis, legacy), basis.pairing);
  if (out.difference || out.cut_tie) {
    // Of the rows that are equal: a difference beside them may be expected, and this not.
    if (out.difference) {
      for (const EqualStep step : refused_steps(out.steps, basis.rule.source.compare))
        out.kinds.insert(kind_of_refused(step));
    }
    out.steps.clear();
    add_hazards(out, legacy, rewrite, basis.pairing);
    return out;
  }
  std::set<EqualStep> steps(out.steps.begin(), out.steps.end());
  steps.insert(types.steps.begin(), types.steps.end());
  if (columns.has_values_not_understood()) steps.insert(EqualStep::bytes);
  if (reads_json(legacy) || reads_json(rewrite)) steps.insert(EqualStep::json_rows);
  if (steps.empty()) steps.insert(EqualStep::exact);
  out.steps.assign(steps.begin(), steps.end());
  out = judged_by_treat(std::move(out), basis.rule.source.compare);
  add_hazards(out, legacy, rewrite, basis.pairing);
  return out;
}

Sameness same_result(const ResultSet& first, const ResultSet& second, const ComparisonBasis& basis,
                     Side side) {
  if (!same_types(first.columns(), second.columns())) return Sameness::different;
  if (first.problem() || second.problem()) {
    return first.problem() && second.problem() ? Sameness::same : Sameness::different;
  }
  const Rule itself = against_itself(basis.rule, side);
  Pairing straight;
  for (std::size_t i = 0; i < first.columns().size(); ++i) straight.pairs.push_back({i, i});
  for (const std::size_t key : basis.pairing.key_pairs) {
    const ColumnPair& pair = basis.pairing.pairs[key];
    const std::size_t column = side == Side::legacy ? pair.legacy : pair.rewrite;
    if (column < straight.pairs.size()) straight.key_pairs.push_back(column);
  }
  straight.statements = basis.pairing.statements_of(side);
  straight.one_row = side == Side::legacy && basis.pairing.one_row;
  straight.legacy_columns = straight.rewrite_columns = first.columns().size();
  const Comparison out = compare_results(
      first, second, {itself, straight, basis.catalog, basis.style, basis.today, basis.values});
  if (out.incomparable) return Sameness::incomparable;
  if (out.cut_tie) return Sameness::cut_tie;
  return out.difference ? Sameness::different : Sameness::same;
}

}  // namespace parallax::shadow
