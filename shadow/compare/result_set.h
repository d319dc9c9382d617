#pragma once

// A result as it was received: columns as RowDescription gives them, cells in text format in one flat buffer.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parallax::shadow {

struct ColumnInfo {
  std::string label;
  std::uint32_t table_oid = 0;   // 0 = an expression
  std::int16_t attribute = 0;    // attribute number in that table
  std::uint32_t type_oid = 0;
};

class ResultSet {
 public:
  ResultSet() = default;
  explicit ResultSet(std::vector<ColumnInfo> columns) : columns_(std::move(columns)) {}

  const std::vector<ColumnInfo>& columns() const { return columns_; }
  std::size_t rows() const { return columns_.empty() ? empty_rows_ : cells_.size() / columns_.size(); }
  // Bytes held, for the capture limit.
  std::size_t bytes() const { return buffer_.size() + cells_.size() * sizeof(Cell); }

  // Cells of a row one after the other; nothing = NULL. A result without columns (`select from t`) counts rows only.
  void add_cell(std::optional<std::string_view> text);
  void add_empty_row() { ++empty_rows_; }
  std::optional<std::string_view> cell(std::size_t row, std::size_t column) const;

 private:
  struct Cell {
    std::uint32_t offset;
    std::int32_t length;  // -1 = NULL
  };
  std::vector<ColumnInfo> columns_;
  std::vector<Cell> cells_;
  std::string buffer_;
  std::size_t empty_rows_ = 0;
};

}  // namespace parallax::shadow
