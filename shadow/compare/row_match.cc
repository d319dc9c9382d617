#include "shadow/compare/row_match.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace parallax::shadow {
namespace {

// A row as it is matched: everything that must be equal in one text, and where the values stand
// that need only be near.
struct KeyedRow {
  std::size_t hash;
  std::size_t row;
  std::size_t begin;  // of its key in the buffer
  std::size_t end;
  std::size_t near;  // of its first tolerant value
};

class KeyedRows {
 public:
  KeyedRows(const RowColumns& columns, Side side, std::span<const std::size_t> pairs,
            std::span<const std::size_t> rows)
      : columns_(columns), side_(side), pairs_(pairs) {
    rows_.reserve(rows.size());
    for (const std::size_t row : rows) add(row);
    for (KeyedRow& row : rows_) row.hash = std::hash<std::string_view>{}(key(row));
    std::sort(rows_.begin(), rows_.end(),
              [this](const KeyedRow& a, const KeyedRow& b) { return before(a, b); });
  }

  std::size_t size() const { return rows_.size(); }
  const KeyedRow& operator[](std::size_t i) const { return rows_[i]; }
  std::string_view key(const KeyedRow& row) const {
    return std::string_view(buffer_).substr(row.begin, row.end - row.begin);
  }
  std::span<const double> near(const KeyedRow& row) const {
    return std::span(near_).subspan(row.near, near_count_);
  }

 private:
  void add(std::size_t row) {
    KeyedRow keyed{0, row, buffer_.size(), 0, near_.size()};
    for (const std::size_t pair : pairs_) add_cell(row, pair);
    keyed.end = buffer_.size();
    near_count_ = near_.size() - keyed.near;
    rows_.push_back(keyed);
  }

  // Lengths keep neighbours apart.
  void add_cell(std::size_t row, std::size_t pair) {
    const auto& column = columns_.columns()[pair];
    const auto cell = columns_.cell(side_, row, pair);
    const auto number = cell && column.tolerant() ? number_of(pair, *cell) : std::nullopt;
    if (column.tolerant()) near_.push_back(number.value_or(0));
    if (!cell || number) {
      buffer_.push_back(number ? 'n' : '0');
      return;
    }
    buffer_.push_back('1');
    const std::size_t length_at = buffer_.size();
    buffer_.append(sizeof(std::size_t), '\0');
    if (column.bytes_decide) {
      buffer_.append(*cell);
    } else {
      columns_.reader(side_, pair).append_canonical(*cell, buffer_);
    }
    const std::size_t length = buffer_.size() - length_at - sizeof(std::size_t);
    buffer_.replace(length_at, sizeof length, reinterpret_cast<const char*>(&length),
                    sizeof length);
  }

  // Its place among the values of the column, to sort by; whether two are near is asked of the
  // cells.
  std::optional<double> number_of(std::size_t pair, std::string_view cell) const {
    const ValueReader& reader = columns_.reader(side_, pair);
    if (!columns_.columns()[pair].clock) return reader.number(cell);
    const auto time = reader.microseconds(cell);
    return time ? std::optional<double>(static_cast<double>(*time)) : std::nullopt;
  }

  bool before(const KeyedRow& a, const KeyedRow& b) const {
    if (a.hash != b.hash) return a.hash < b.hash;
    const int keys = key(a).compare(key(b));
    if (keys != 0) return keys < 0;
    const auto left = near(a);
    const auto right = near(b);
    if (!std::equal(left.begin(), left.end(), right.begin())) {
      return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end());
    }
    const int bytes = order_bytes(a.row, b.row);
    return bytes != 0 ? bytes < 0 : a.row < b.row;
  }

  // Rows of the same value follow each other, among them those of the same bytes: when both sides
  // hold the same bytes, each row then meets its own.
  int order_bytes(std::size_t a, std::size_t b) const {
    for (const std::size_t pair : pairs_) {
      const auto left = columns_.cell(side_, a, pair);
      const auto right = columns_.cell(side_, b, pair);
      if (!left || !right) continue;
      if (const int order = left->compare(*right); order != 0) return order;
    }
    return 0;
  }

  const RowColumns& columns_;
  Side side_;
  std::span<const std::size_t> pairs_;
  std::string buffer_;
  std::vector<double> near_;
  std::size_t near_count_ = 0;
  std::vector<KeyedRow> rows_;
};

int order_of(bool less, bool greater) { return less ? -1 : static_cast<int>(greater); }

class Matching {
 public:
  Matching(RowColumns& columns, std::span<const std::size_t> pairs, const KeyedRows& legacy,
           const KeyedRows& rewrite)
      : columns_(columns), pairs_(pairs), legacy_(legacy), rewrite_(rewrite) {}

  // 0: the two are a pair.
  int order(const KeyedRow& left, const KeyedRow& right) {
    if (left.hash != right.hash) return left.hash < right.hash ? -1 : 1;
    if (const int keys = legacy_.key(left).compare(rewrite_.key(right)); keys != 0) return keys;
    if (!columns_.tolerant() || near(left.row, right.row)) return 0;
    const auto from = legacy_.near(left);
    const auto to = rewrite_.near(right);
    const bool less = std::lexicographical_compare(from.begin(), from.end(), to.begin(), to.end());
    return order_of(less, true);
  }

 private:
  bool near(std::size_t legacy_row, std::size_t rewrite_row) {
    return std::ranges::all_of(pairs_, [&](std::size_t pair) {
      return !columns_.columns()[pair].tolerant() ||
             columns_.compare_cell(legacy_row, rewrite_row, pair) != CellEquality::different;
    });
  }

  RowColumns& columns_;
  std::span<const std::size_t> pairs_;
  const KeyedRows& legacy_;
  const KeyedRows& rewrite_;
};

}  // namespace

MatchedRows match_rows(RowColumns& columns, std::span<const std::size_t> pairs,
                       std::span<const std::size_t> legacy_rows,
                       std::span<const std::size_t> rewrite_rows) {
  const KeyedRows left(columns, Side::legacy, pairs, legacy_rows);
  const KeyedRows right(columns, Side::rewrite, pairs, rewrite_rows);
  Matching matching(columns, pairs, left, right);
  MatchedRows out;
  std::size_t l = 0;
  std::size_t r = 0;
  while (l < left.size() && r < right.size()) {
    const int order = matching.order(left[l], right[r]);
    if (order < 0) {
      out.legacy_only.push_back(left[l++].row);
    } else if (order > 0) {
      out.rewrite_only.push_back(right[r++].row);
    } else {
      out.pairs.emplace_back(left[l++].row, right[r++].row);
    }
  }
  while (l < left.size()) out.legacy_only.push_back(left[l++].row);
  while (r < right.size()) out.rewrite_only.push_back(right[r++].row);
  std::sort(out.legacy_only.begin(), out.legacy_only.end());
  std::sort(out.rewrite_only.begin(), out.rewrite_only.end());
  return out;
}

bool are_exchanged(RowColumns& columns, std::span<const std::size_t> pairs,
                   std::span<const std::size_t> legacy_only,
                   std::span<const std::size_t> rewrite_only) {
  const auto all = [&](Side side) {
    std::vector<std::size_t> rows(columns.rows(side));
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    return rows;
  };
  const auto count = [&](Side side, std::span<const std::size_t> rows) {
    std::set<std::vector<std::optional<std::string_view>>> different;
    for (const std::size_t row : rows) {
      std::vector<std::optional<std::string_view>> cells;
      for (const std::size_t pair : pairs) cells.push_back(columns.cell(side, row, pair));
      different.insert(std::move(cells));
    }
    return different.size();
  };
  return count(Side::legacy, legacy_only) == count(Side::rewrite, rewrite_only) &&
         match_rows(columns, pairs, legacy_only, all(Side::rewrite)).pairs.empty() &&
         match_rows(columns, pairs, all(Side::legacy), rewrite_only).pairs.empty();
}

}  // namespace parallax::shadow
