#pragma once

// Short ways to write results in tests.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shadow/compare/compare.h"

namespace parallax::shadow::tests {

inline constexpr std::uint32_t kBool = 16;
inline constexpr std::uint32_t kInt8 = 20;
inline constexpr std::uint32_t kInt2 = 21;
inline constexpr std::uint32_t kInt4 = 23;
inline constexpr std::uint32_t kText = 25;
inline constexpr std::uint32_t kFloat8 = 701;
inline constexpr std::uint32_t kVarchar = 1043;
inline constexpr std::uint32_t kNumeric = 1700;
inline constexpr std::uint32_t kMood = 16400;  // enums of the tests' catalog
inline constexpr std::uint32_t kColour = 16410;

using Cell = std::optional<std::string>;
using Row = std::vector<Cell>;
inline const Cell kNull = std::nullopt;

inline ResultSet result_of(std::vector<ColumnInfo> columns, const std::vector<Row>& rows) {
  ResultSet out(std::move(columns));
  for (const Row& row : rows) {
    if (row.empty()) out.add_empty_row();
    for (const Cell& cell : row) {
      out.add_cell(cell ? std::optional<std::string_view>(*cell) : std::nullopt);
    }
  }
  return out;
}

// Columns a, b, c, ... of these types.
inline std::vector<ColumnInfo> typed(std::initializer_list<std::uint32_t> types) {
  std::vector<ColumnInfo> out;
  for (const std::uint32_t type : types) {
    out.push_back({std::string(1, static_cast<char>('a' + out.size())), 0, 0, type});
  }
  return out;
}

// Each column with the column at its own place.
inline Pairing straight(std::size_t columns, std::vector<std::size_t> key_pairs = {}) {
  Pairing out;
  for (std::size_t i = 0; i < columns; ++i) out.pairs.push_back({i, i});
  out.key_pairs = std::move(key_pairs);
  out.legacy_columns = out.rewrite_columns = columns;
  return out;
}

// ORDER BY the first column.
inline SortOrder by_first_column() { return {true, {{"", 0, ""}}, false, false}; }

inline Catalog catalog_of_tests() {
  Catalog out;
  out.types[kMood] = {.kind = TypeKind::enumeration, .name = "mood", .fields = {}};
  out.types[kColour] = {.kind = TypeKind::enumeration, .name = "colour", .fields = {}};
  return out;
}

}  // namespace parallax::shadow::tests
