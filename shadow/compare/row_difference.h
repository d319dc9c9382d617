#pragma once

// Rows of two results whose columns are of comparable types: equal, or what differs.

#include <span>
#include <string>

#include "shadow/compare/compare.h"
#include "shadow/compare/row_match.h"

namespace parallax::shadow {

// Fills difference, detail, differences, and of the steps `order` and `numeric_scale` (never
// `exact`: the caller knows what else was needed). `key_pairs` are indexes into `columns`.
Comparison compare_all_rows(const ResultSet& legacy, const ResultSet& rewrite,
                            std::span<const PairedColumn> columns,
                            std::span<const std::size_t> key_pairs, bool ordered);

}  // namespace parallax::shadow
