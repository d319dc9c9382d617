// What is settled without a snapshot.

#include <algorithm>

#include "shadow/compare/compare.h"

namespace parallax::shadow {

// A DataRow does not say the types of its cells. Where both sides are the same attribute of the
// same table, they have the one that the shadow's has now; of anything else, the type that was
// verified may be another for these parameters.
bool may_settle_live(const Pairing& pairing, const std::vector<ColumnInfo>& legacy,
                     const std::vector<ColumnInfo>& rewrite) {
  if (legacy.size() != pairing.legacy_columns || rewrite.size() != pairing.rewrite_columns)
    return false;
  return std::all_of(pairing.pairs.begin(), pairing.pairs.end(), [&](const ColumnPair& pair) {
    const ColumnInfo& left = legacy[pair.legacy];
    const ColumnInfo& right = rewrite[pair.rewrite];
    return left.table_oid != 0 && left.table_oid == right.table_oid &&
           left.attribute == right.attribute;
  });
}

std::optional<Outcome> decide_live(const ComparisonBasis& basis, const LiveResult& live,
                                   const StepResult& shadow) {
  if (!live.sqlstate.empty() || !shadow.ran || !shadow.sqlstate.empty()) {
    return std::nullopt;
  }
  if (shadow.digest != nullptr) return std::nullopt;
  const bool forward = live.side == Side::legacy;
  const ResultSet& legacy = forward ? *live.result : shadow.result;
  const ResultSet& rewrite = forward ? shadow.result : *live.result;
  if (!may_settle_live(basis.pairing, legacy.columns(), rewrite.columns())) return std::nullopt;
  Comparison comparison = compare_results(legacy, rewrite, basis);
  if (comparison.difference || comparison.cut_tie || comparison.incomparable) return std::nullopt;
  Outcome out;
  out.rule = &basis.rule;
  out.end = Verdict::match;
  out.steps = std::move(comparison.steps);
  out.legacy_rows = legacy.rows();
  out.rewrite_rows = rewrite.rows();
  out.vacuous = out.legacy_rows == 0 && out.rewrite_rows == 0;
  (forward ? out.rewrite_seconds : out.legacy_seconds) = shadow.seconds;
  out.live_compared = true;
  return out;
}

}  // namespace parallax::shadow
