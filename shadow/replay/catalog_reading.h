#pragma once

// Parameters and results of catalog queries.

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/compare/result_set.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// The array literal of these texts (PostgreSQL manual, "Array Input and Output Syntax").
Value array_of(const std::vector<std::string>& members);

// The number in this cell; 0 when NULL.
template <typename Number>
Number number_of(const ResultSet& rows, std::size_t row, std::size_t column) {
  const auto text = rows.cell(row, column).value_or("0");
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The text in this cell; empty when NULL.
inline std::string text_of(const ResultSet& rows, std::size_t row, std::size_t column) {
  return std::string(rows.cell(row, column).value_or(""));
}

}  // namespace parallax::shadow
