// What is settled without a snapshot.

#include <algorithm>

#include "shadow/compare/compare.h"

namespace parallax::shadow {

// A DataRow does not say the types of its cells. Where both sides are the same attribute of the
// same table, they have the one that the rewrite's has now; of anything else, the type that was
// verified may be another for these parameters.
bool may_settle_live(const Pairing& pairing, const std::vector<ColumnInfo>& live,
                     const std::vector<ColumnInfo>& rewrite) {
  if (live.size() != pairing.legacy_columns || rewrite.size() != pairing.rewrite_columns)
    return false;
  return std::all_of(pairing.pairs.begin(), pairing.pairs.end(), [&](const ColumnPair& pair) {
    const ColumnInfo& left = live[pair.legacy];
    const ColumnInfo& right = rewrite[pair.rewrite];
    return left.table_oid != 0 && left.table_oid == right.table_oid &&
           left.attribute == right.attribute;
  });
}

std::optional<Outcome> decide_live(const ComparisonBasis& basis, const LiveResult& live,
                                   const StepResult& rewrite) {
  if (!live.sqlstate.empty() || !rewrite.ran || !rewrite.sqlstate.empty()) {
    return std::nullopt;
  }
  if (rewrite.digest != nullptr) return std::nullopt;
  const ResultSet& legacy = *live.result;
  const auto& columns = rewrite.result.columns();
  if (!may_settle_live(basis.pairing, legacy.columns(), columns)) return std::nullopt;
  Comparison comparison = compare_results(legacy, rewrite.result, basis);
  if (comparison.difference || comparison.cut_tie || comparison.incomparable) return std::nullopt;
  Outcome out;
  out.rule = &basis.rule;
  out.end = Verdict::match;
  out.steps = std::move(comparison.steps);
  out.legacy_rows = legacy.rows();
  out.rewrite_rows = rewrite.result.rows();
  out.vacuous = out.legacy_rows == 0 && out.rewrite_rows == 0;
  out.rewrite_seconds = rewrite.seconds;
  out.live_compared = true;
  return out;
}

}  // namespace parallax::shadow
