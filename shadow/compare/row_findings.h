#pragma once

// The rows that differ, and how that is told.

#include <cstddef>
#include <string>
#include <vector>

#include "shadow/compare/compare.h"
#include "shadow/compare/row_columns.h"

namespace parallax::shadow {

class RowFindings {
 public:
  // The columns must outlive it.
  explicit RowFindings(RowColumns& columns)
      : columns_(columns), differing_columns_(columns.columns().size(), false) {}

  void add(MismatchKind kind, std::size_t legacy, std::size_t rewrite) {
    findings_.push_back({kind, legacy, rewrite});
  }
  void add_missing(std::size_t legacy) { add(MismatchKind::missing_row, legacy, kNoRow); }
  void add_extra(std::size_t rewrite) { add(MismatchKind::extra_row, kNoRow, rewrite); }
  // Two rows of the same thing with other content: `null` or `value`.
  void add_aligned(std::size_t legacy, std::size_t rewrite);

  // Of one finding or more. The kinds are declared in their precedence: the least is the
  // mismatch's.
  Comparison comparison();

 private:
  static constexpr std::size_t kNoRow = static_cast<std::size_t>(-1);
  struct Finding {
    MismatchKind kind;
    std::size_t legacy;  // kNoRow where a side has none
    std::size_t rewrite;
  };

  std::optional<ReportRow> row_of(Side side, std::size_t row) const;
  std::size_t count(MismatchKind kind) const;
  std::string detail() const;
  std::vector<std::string> differing_labels() const;

  RowColumns& columns_;
  std::vector<Finding> findings_;
  std::vector<bool> differing_columns_;  // by pair
};

}  // namespace parallax::shadow
