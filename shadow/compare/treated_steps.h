#pragma once

// What a rule says of order, and of the steps that may make two results equal.

#include "shadow/compare/compare.h"

namespace parallax::shadow {

// Whether the sequence of rows is compared.
bool order_counts(const Rule& rule);

// Of equal results: a step that `treat` refuses makes them different (`column_type`, `order` or
// `value`).
void refuse_steps(Comparison& comparison, const CompareOptions& options);

}  // namespace parallax::shadow
