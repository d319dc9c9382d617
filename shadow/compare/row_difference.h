#pragma once

// Rows of two results whose columns are of comparable types: equal, or what differs.

#include "shadow/compare/compare.h"
#include "shadow/compare/row_columns.h"
#include "shadow/compare/row_order.h"

namespace parallax::shadow {

// Fills difference, kinds, cut_tie, detail, differences, and the steps that were needed beside
// those of the columns' types (none: the same bytes in the same sequence).
Comparison compare_all_rows(RowColumns& columns, const RowOrder& order, const Pairing& pairing);

}  // namespace parallax::shadow
