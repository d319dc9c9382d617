#pragma once

// The paired columns of two results, and when two of their cells are the same value.

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/compare/compare.h"
#include "shadow/compare/result_set.h"
#include "shadow/compare/value_reader.h"

namespace parallax::shadow {

enum class CellEquality {
  different,
  near,        // within the column's tolerance
  same_value,  // other bytes
  same_bytes
};

class RowColumns {
 public:
  struct Column {
    std::size_t legacy;
    std::size_t rewrite;
    ValueReader legacy_reader;
    ValueReader rewrite_reader;
    bool same_format;
    bool bytes_agree;            // the same bytes are the same value
    bool bytes_decide;           // and other bytes are another value
    bool steps_known = false;    // all that may make its cells equal has been recorded
    double float_tolerance = 0;  // relative
    std::optional<std::chrono::microseconds> clock{};
    bool json_null = false;  // JSON's null and NULL cannot be told apart
    bool tolerant() const { return float_tolerance > 0 || clock.has_value(); }
  };

  // Both results and what `basis` refers to must outlive it. The pairs' types must be comparable.
  RowColumns(const ResultSet& legacy, const ResultSet& rewrite, const ComparisonBasis& basis);

  const ResultSet& result(Side side) const { return side == Side::legacy ? legacy_ : rewrite_; }
  std::size_t rows(Side side) const { return result(side).rows(); }
  std::span<const Column> columns() const { return columns_; }
  bool tolerant() const { return tolerant_; }
  std::optional<std::string_view> cell(Side side, std::size_t row, std::size_t pair) const {
    const Column& column = columns_[pair];
    const auto value = side == Side::legacy ? legacy_.cell(row, column.legacy)
                                            : rewrite_.cell(row, column.rewrite);
    return column.json_null ? without_json_null(value) : value;
  }
  const ValueReader& reader(Side side, std::size_t pair) const {
    return side == Side::legacy ? columns_[pair].legacy_reader : columns_[pair].rewrite_reader;
  }

  // The first column whose formats differ and whose cells can then not be compared; nothing when
  // all can be.
  std::optional<std::size_t> incomparable() const;

  // NULL equals NULL only.
  CellEquality compare_cell(std::size_t legacy_row, std::size_t rewrite_row, std::size_t pair);
  // The least of its cells.
  CellEquality compare_row(std::size_t legacy_row, std::size_t rewrite_row);
  // Two rows of legacy have the same value in this column.
  bool same_in_legacy(std::size_t first_row, std::size_t second_row, std::size_t pair);
  // What made two rows equal that are (near, same_value): added to `steps`, one set for all rows.
  void add_steps(std::size_t legacy_row, std::size_t rewrite_row, std::set<EqualStep>& steps);
  // For a new set.
  void forget_steps();
  // A column of which only bytes can be compared has values.
  bool has_values_not_understood() const;

  // For people.
  std::optional<std::string> readable(Side side, std::size_t row, std::size_t pair) const;

 private:
  // A value of a json column that stands in JSON itself is null where it is NULL.
  static std::optional<std::string_view> without_json_null(std::optional<std::string_view> cell);
  CellEquality compare_values(const Column& column, std::string_view legacy,
                              std::string_view rewrite);
  bool same_canonical(const Column& column, std::string_view legacy, std::string_view rewrite);
  void add_cell_steps(Column& column, std::string_view legacy, std::string_view rewrite,
                      std::set<EqualStep>& steps);

  const ResultSet& legacy_;
  const ResultSet& rewrite_;
  std::vector<Column> columns_;
  bool tolerant_ = false;
  std::string legacy_text_;  // canonical texts, kept for their memory
  std::string rewrite_text_;
};

}  // namespace parallax::shadow
