#pragma once

// Two versions of one row as a table: a line for each column, legacy beside rewrite.

#include <string>
#include <vector>

#include "shadow/report.h"

namespace parallax::proxy {

// Lines end with '\n' and have at most `width` columns (at least 40 are taken), `indent` of them at
// the front. With more than kColumnsShown columns, equal ones after the first two are left out and
// counted.
inline constexpr std::size_t kColumnsShown = 16;
std::string row_table(const std::vector<std::string>& columns,
                      const shadow::RowDifference& difference, std::size_t indent,
                      std::size_t width);

// A cell for the eye: NULL, text escaped, and in quotes where it could be taken for something else.
std::string cell_text(const std::optional<std::string>& cell);

// At most `width` columns of `text`, starting near byte `around`; `…` where something is left out.
std::string cut_text(const std::string& text, std::size_t around, std::size_t width);

}  // namespace parallax::proxy
