#pragma once

// Whether LIMIT and OFFSET have cut a result, by what they were called with.

#include <cstddef>

#include "shadow/rules/rule.h"

namespace parallax::shadow {

struct RowCuts {
  bool by_limit = false;  // or it may have
  bool by_offset = false;
};

// `rows`: what came. `values`: of the operation's names; null = not known, as is a value that
// cannot be read: then it may have.
RowCuts row_cuts(const SortOrder& order, const NamedValues* values, std::size_t rows);

}  // namespace parallax::shadow
