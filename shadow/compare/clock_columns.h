#pragma once

#include <string>

#include "shadow/compare/pairing.h"

namespace parallax::shadow {

// Why `compare.clock` cannot be kept: a label that legacy does not have, or not once, a column that
// has no pair, or whose type is no timestamp. Empty when it can.
std::string clock_problem(const Rule& rule, const std::vector<ColumnInfo>& legacy,
                          const std::vector<ColumnInfo>& rewrite, const Pairing& pairing,
                          const Catalog& catalog);

}  // namespace parallax::shadow
