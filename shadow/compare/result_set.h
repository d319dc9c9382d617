#pragma once

// A result as it was received: columns as RowDescription gives them, cells in the format of their
// column, in one flat buffer.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shadow/verdict.h"

namespace parallax::shadow {

struct ColumnInfo {
  std::string label;
  std::uint32_t table_oid = 0;  // 0 = an expression
  std::int16_t attribute = 0;   // attribute number in that table
  std::uint32_t type_oid = 0;
  bool binary = false;  // format of its cells
  // Read out of a JSON value (see unnest.h), whatever the session's DateStyle.
  bool json = false;
  // A bigint or numeric among its JSON numbers changes when a double reads and prints it.
  bool hazard = false;
};

// As many columns, of the same types.
bool same_types(const std::vector<ColumnInfo>& first, const std::vector<ColumnInfo>& second);

// Why the rows of a result could not be read: no match, whatever the other side gives.
struct ShapeProblem {
  MismatchKind kind = MismatchKind::column_count;
  std::string detail;  // no values
};

class ResultSet {
 public:
  ResultSet() = default;
  explicit ResultSet(std::vector<ColumnInfo> columns) : columns_(std::move(columns)) {}

  const std::vector<ColumnInfo>& columns() const { return columns_; }
  std::size_t rows() const {
    return columns_.empty() ? empty_rows_ : ends_.size() / columns_.size();
  }
  // Bytes held, for the capture limit.
  std::size_t bytes() const { return buffer_.size() + ends_.size() * sizeof(std::uint64_t); }

  // Cells of a row one after the other; nothing = NULL. A result without columns (`select from t`)
  // counts rows only.
  void add_cell(std::optional<std::string_view> text);
  void add_empty_row() { ++empty_rows_; }
  // `row` < rows(), `column` < columns().size(). The view lives until the next add_cell().
  std::optional<std::string_view> cell(std::size_t row, std::size_t column) const {
    const std::size_t index = row * columns_.size() + column;
    const std::uint64_t end = ends_[index];
    if ((end & kNull) != 0) return std::nullopt;
    const std::uint64_t begin = index == 0 ? 0 : ends_[index - 1] & ~kNull;
    return std::string_view(buffer_).substr(begin, end - begin);
  }

  void set_problem(ShapeProblem problem) { problem_ = std::move(problem); }
  const std::optional<ShapeProblem>& problem() const { return problem_; }
  void mark_hazard(std::size_t column) { columns_[column].hazard = true; }

  // What is known of the columns, as many as there are; their formats stay as they are.
  void describe(const std::vector<ColumnInfo>& columns);
  // Same number of columns and rows, and the same bytes in every cell: memcmp of two buffers.
  bool same_cells(const ResultSet& other) const;

 private:
  // Cells follow each other in the buffer, so that 8 bytes a cell are enough: where it ends, and
  // whether it is NULL.
  static constexpr std::uint64_t kNull = std::uint64_t{1} << 63;

  std::vector<ColumnInfo> columns_;
  std::vector<std::uint64_t> ends_;
  std::string buffer_;
  std::size_t empty_rows_ = 0;
  std::optional<ShapeProblem> problem_;
};

}  // namespace parallax::shadow
