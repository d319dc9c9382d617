#pragma once

// What tokens say of a statement's values and of its select list.

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "shadow/learn/statement_facts.h"

namespace parallax::shadow {

// One for each slot of the shape.
std::vector<ValuePlace> value_places(std::string_view sql, const StatementShape& shape);

// Bytes [begin, end) of each expression of the first select list, without `AS label`.
std::vector<std::pair<std::size_t, std::size_t>> select_expressions(std::string_view sql);

}  // namespace parallax::shadow
