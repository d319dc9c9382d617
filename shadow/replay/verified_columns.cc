#include "shadow/replay/verified_columns.h"

#include <algorithm>

namespace parallax::shadow {

namespace {

// The same attribute of the same table, with its type. Types of expressions may depend on the
// parameters.
bool same_origin(const ColumnInfo& verified, const ColumnInfo& now) {
  if (verified.table_oid != now.table_oid || verified.attribute != now.attribute) return false;
  return verified.table_oid == 0 || verified.type_oid == now.type_oid;
}

// What a table of the same make in another schema gives.
bool same_make(const ColumnInfo& verified, const ColumnInfo& now) {
  if ((verified.table_oid == 0) != (now.table_oid == 0) || verified.label != now.label)
    return false;
  return verified.table_oid == 0 || verified.type_oid == now.type_oid;
}

}  // namespace

ColumnOrigin column_origin(const std::vector<ColumnInfo>& verified, const StepResult& step) {
  const auto& now = step.result.columns();
  if (!step.ran || !step.sqlstate.empty() || verified.size() != now.size())
    return ColumnOrigin::verified;
  if (std::equal(verified.begin(), verified.end(), now.begin(), same_origin))
    return ColumnOrigin::verified;
  return std::equal(verified.begin(), verified.end(), now.begin(), same_make)
             ? ColumnOrigin::same_make
             : ColumnOrigin::other;
}

ColumnOrigin column_origin(const Verification& verification, const SnapshotResult& snapshot) {
  return std::max(column_origin(verification.legacy_columns, snapshot.legacy_first),
                  column_origin(verification.rewrite_columns, snapshot.rewrite));
}

}  // namespace parallax::shadow
