#include "shadow/compare/row_difference.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "shadow/compare/wording.h"

namespace parallax::shadow {
namespace {

constexpr std::size_t kNoRow = static_cast<std::size_t>(-1);

// One row that differs; kNoRow where a side has none.
struct Finding {
  MismatchKind kind;
  std::size_t legacy;
  std::size_t rewrite;
};

RowSide side_of(const ResultSet& result, std::span<const PairedColumn> columns,
                std::size_t PairedColumn::*index) {
  std::vector<RowSide::Column> out;
  out.reserve(columns.size());
  for (const PairedColumn& column : columns) out.push_back({column.*index, column.kind});
  return RowSide(result, std::move(out));
}

// The comparison of one pair of results, from the cheapest view to the dearest.
class RowComparison {
 public:
  RowComparison(const ResultSet& legacy, const ResultSet& rewrite,
                std::span<const PairedColumn> columns, std::span<const std::size_t> key_pairs,
                bool ordered)
      : legacy_result_(legacy),
        columns_(columns),
        key_pairs_(key_pairs),
        ordered_(ordered),
        legacy_(side_of(legacy, columns, &PairedColumn::legacy)),
        rewrite_(side_of(rewrite, columns, &PairedColumn::rewrite)),
        differing_columns_(columns.size(), false) {}

  Comparison run() {
    compare_in_sequence();
    if (legacy_rest_.empty() && rewrite_rest_.empty()) return equal(false);
    rest_ = match_rows(legacy_, legacy_rest_, rewrite_, rewrite_rest_);
    if (!rest_.legacy_only.empty() || !rest_.rewrite_only.empty()) {
      classify_rows();
      return different();
    }
    same_text_ = same_text_ && rest_.same_text;
    if (!ordered_) return equal(true);
    for (const std::size_t row : legacy_rest_) {
      findings_.push_back({MismatchKind::order, row, row});
    }
    return different();
  }

 private:
  // Rows that are equal at the same place are equal in any view; what is left is compared further.
  void compare_in_sequence() {
    const std::size_t both = std::min(legacy_.rows(), rewrite_.rows());
    for (std::size_t row = 0; row < both; ++row) {
      const RowEquality equality = compare_rows(legacy_, row, rewrite_, row);
      if (equality == RowEquality::same_value) same_text_ = false;
      if (equality != RowEquality::different) continue;
      legacy_rest_.push_back(row);
      rewrite_rest_.push_back(row);
    }
    for (std::size_t row = both; row < legacy_.rows(); ++row) legacy_rest_.push_back(row);
    for (std::size_t row = both; row < rewrite_.rows(); ++row) rewrite_rest_.push_back(row);
  }

  // The multisets differ: aligns what is left of them.
  void classify_rows() {
    if (key_pairs_.empty() && ordered_ && legacy_.rows() == rewrite_.rows()) {
      for (const std::size_t row : legacy_rest_) add_aligned(row, row);
      return;
    }
    MatchedRows aligned = std::move(rest_);
    if (!key_pairs_.empty()) {
      aligned = match_rows(legacy_.only(key_pairs_), aligned.legacy_only, rewrite_.only(key_pairs_),
                           aligned.rewrite_only);
      for (const auto& [legacy, rewrite] : aligned.pairs) add_aligned(legacy, rewrite);
    }
    for (const std::size_t row : aligned.legacy_only) {
      findings_.push_back({MismatchKind::missing_row, row, kNoRow});
    }
    for (const std::size_t row : aligned.rewrite_only) {
      findings_.push_back({MismatchKind::extra_row, kNoRow, row});
    }
  }

  // Two rows of the same thing with other content.
  void add_aligned(std::size_t legacy, std::size_t rewrite) {
    bool null = false;
    for (std::size_t pair = 0; pair < columns_.size(); ++pair) {
      const auto left = legacy_.cell(legacy, pair);
      const auto right = rewrite_.cell(rewrite, pair);
      if (same_cell(left, right, columns_[pair].kind)) continue;
      null = null || left.has_value() != right.has_value();
      differing_columns_[pair] = true;
    }
    findings_.push_back({null ? MismatchKind::null : MismatchKind::value, legacy, rewrite});
  }

  Comparison equal(bool by_order) const {
    Comparison out;
    if (by_order) out.steps.push_back(EqualStep::order);
    if (!same_text_) out.steps.push_back(EqualStep::numeric_scale);
    return out;
  }

  // The kinds are declared in their precedence: the least is the mismatch's kind.
  Comparison different() {
    std::sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) {
      return std::tie(a.kind, a.legacy, a.rewrite) < std::tie(b.kind, b.legacy, b.rewrite);
    });
    Comparison out;
    out.difference = findings_.front().kind;
    out.detail = detail();
    for (std::size_t i = 0; i < std::min(findings_.size(), kDifferencesShown); ++i) {
      out.differences.push_back({findings_[i].kind, row_of(legacy_, findings_[i].legacy),
                                 row_of(rewrite_, findings_[i].rewrite)});
    }
    return out;
  }

  static std::optional<ReportRow> row_of(const RowSide& side, std::size_t row) {
    if (row == kNoRow) return std::nullopt;
    ReportRow out;
    out.reserve(side.columns().size());
    for (std::size_t pair = 0; pair < side.columns().size(); ++pair) {
      const auto cell = side.cell(row, pair);
      out.push_back(cell ? std::optional<std::string>(std::string(*cell)) : std::nullopt);
    }
    return out;
  }

  std::size_t count(MismatchKind kind) const {
    return static_cast<std::size_t>(
        std::count_if(findings_.begin(), findings_.end(),
                      [kind](const Finding& finding) { return finding.kind == kind; }));
  }

  // "2 rows missing, 1 extra of 20 and 19"
  std::string detail() const {
    if (findings_.front().kind == MismatchKind::order) {
      return "the same rows in another order, from row " +
             std::to_string(findings_.front().legacy + 1) + " of " + std::to_string(legacy_.rows());
    }
    std::string out;
    const auto add = [&out](std::size_t rows, std::string_view what) {
      if (rows == 0) return;
      out.append(out.empty() ? counted(rows, "row") : ", " + std::to_string(rows));
      out.append(" ").append(what);
    };
    add(count(MismatchKind::missing_row), "missing");
    add(count(MismatchKind::extra_row), "extra");
    add(count(MismatchKind::null), "NULL on one side");
    add(count(MismatchKind::value), "with other values");
    out.append(" of ").append(std::to_string(legacy_.rows()));
    out.append(" and ").append(std::to_string(rewrite_.rows()));
    const std::vector<std::string> labels = differing_labels();
    if (!labels.empty()) {
      out.append(labels.size() == 1 ? "; column " : "; columns ").append(listed(labels));
    }
    return out;
  }

  std::vector<std::string> differing_labels() const {
    std::vector<std::string> out;
    for (std::size_t pair = 0; pair < columns_.size(); ++pair) {
      if (!differing_columns_[pair]) continue;
      out.push_back(quoted(legacy_result_.columns()[columns_[pair].legacy].label));
    }
    return out;
  }

  const ResultSet& legacy_result_;
  std::span<const PairedColumn> columns_;
  std::span<const std::size_t> key_pairs_;
  bool ordered_;
  RowSide legacy_;
  RowSide rewrite_;
  bool same_text_ = true;
  std::vector<std::size_t> legacy_rest_;  // rows without an equal row at the same place
  std::vector<std::size_t> rewrite_rest_;
  MatchedRows rest_;
  std::vector<Finding> findings_;
  std::vector<bool> differing_columns_;  // by pair
};

// Every column paired with the column at its own place: then the buffers are comparable as wholes.
bool same_places(const ResultSet& legacy, const ResultSet& rewrite,
                 std::span<const PairedColumn> columns) {
  if (columns.size() != legacy.columns().size() || columns.size() != rewrite.columns().size()) {
    return false;
  }
  return std::all_of(columns.begin(), columns.end(),
                     [](const PairedColumn& column) { return column.legacy == column.rewrite; });
}

}  // namespace

Comparison compare_all_rows(const ResultSet& legacy, const ResultSet& rewrite,
                            std::span<const PairedColumn> columns,
                            std::span<const std::size_t> key_pairs, bool ordered) {
  if (same_places(legacy, rewrite, columns) && legacy.same_cells(rewrite)) return {};
  return RowComparison(legacy, rewrite, columns, key_pairs, ordered).run();
}

}  // namespace parallax::shadow
