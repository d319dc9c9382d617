#include "shadow/compare/result_set.h"

#include <algorithm>

namespace parallax::shadow {

void ResultSet::add_cell(std::optional<std::string_view> text) {
  if (text) buffer_.append(*text);
  ends_.push_back(buffer_.size() | (text ? 0 : kNull));
}

void ResultSet::describe(const std::vector<ColumnInfo>& columns) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const bool binary = columns_[i].binary;
    columns_[i] = columns[i];
    columns_[i].binary = binary;
  }
}

bool same_types(const std::vector<ColumnInfo>& first, const std::vector<ColumnInfo>& second) {
  return std::ranges::equal(first, second, {}, &ColumnInfo::type_oid, &ColumnInfo::type_oid);
}

bool ResultSet::same_cells(const ResultSet& other) const {
  return columns_.size() == other.columns_.size() && empty_rows_ == other.empty_rows_ &&
         ends_ == other.ends_ && buffer_ == other.buffer_;
}

}  // namespace parallax::shadow
