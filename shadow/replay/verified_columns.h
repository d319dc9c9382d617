#pragma once

// Whether a result comes from the columns that were verified.

#include <vector>

#include "shadow/compare/compare.h"
#include "shadow/replay/rule_check.h"

namespace parallax::shadow {

enum class ColumnOrigin {
  verified,   // the same attributes of the same tables
  same_make,  // tables of the same make, in another schema say
  other
};

// Of a step that has a result; another number of columns is a finding of its own and counts as
// `verified`, as does a step without a result.
ColumnOrigin column_origin(const std::vector<ColumnInfo>& verified, const StepResult& step);
// The worst of the snapshot's first legacy run and its rewrite.
ColumnOrigin column_origin(const Verification& verification, const SnapshotResult& snapshot);

}  // namespace parallax::shadow
