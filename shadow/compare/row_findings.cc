#include "shadow/compare/row_findings.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>

#include "shadow/compare/wording.h"

namespace parallax::shadow {

void RowFindings::add_aligned(std::size_t legacy, std::size_t rewrite) {
  auto kind = MismatchKind::value;
  for (std::size_t pair = 0; pair < differing_columns_.size(); ++pair) {
    if (columns_.compare_cell(legacy, rewrite, pair) != CellEquality::different) continue;
    const bool null = columns_.cell(Side::legacy, legacy, pair).has_value() !=
                      columns_.cell(Side::rewrite, rewrite, pair).has_value();
    if (null) kind = MismatchKind::null;
    differing_columns_[pair] = true;
  }
  add(kind, legacy, rewrite);
}

Comparison RowFindings::comparison() {
  std::sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.kind, a.legacy, a.rewrite) < std::tie(b.kind, b.legacy, b.rewrite);
  });
  Comparison out;
  out.difference = findings_.front().kind;
  for (const Finding& finding : findings_) out.kinds.insert(finding.kind);
  out.detail = detail();
  for (std::size_t i = 0; i < std::min(findings_.size(), kDifferencesShown); ++i) {
    out.differences.push_back({findings_[i].kind, row_of(Side::legacy, findings_[i].legacy),
                               row_of(Side::rewrite, findings_[i].rewrite)});
  }
  return out;
}

std::optional<ReportRow> RowFindings::row_of(Side side, std::size_t row) const {
  if (row == kNoRow) return std::nullopt;
  ReportRow out;
  out.reserve(differing_columns_.size());
  for (std::size_t pair = 0; pair < differing_columns_.size(); ++pair) {
    out.push_back(columns_.readable(side, row, pair));
  }
  return out;
}

std::size_t RowFindings::count(MismatchKind kind) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(findings_, [kind](const Finding& f) { return f.kind == kind; }));
}

// "2 rows missing, 1 extra of 20 and 19"
std::string RowFindings::detail() const {
  const auto rows = columns_.rows(Side::legacy);
  if (findings_.front().kind == MismatchKind::order) {
    return "the same rows in another order, from row " +
           std::to_string(findings_.front().legacy + 1) + " of " + std::to_string(rows);
  }
  std::string out;
  const auto add = [&out](std::size_t number, std::string_view what) {
    if (number == 0) return;
    out.append(out.empty() ? counted(number, "row") : ", " + std::to_string(number));
    out.append(" ").append(what);
  };
  add(count(MismatchKind::missing_row), "missing");
  add(count(MismatchKind::extra_row), "extra");
  add(count(MismatchKind::null), "NULL on one side");
  add(count(MismatchKind::value), "with other values");
  out.append(" of ").append(std::to_string(rows));
  out.append(" and ").append(std::to_string(columns_.rows(Side::rewrite)));
  if (count(MismatchKind::order) > 0) out.append(", in another order");
  const std::vector<std::string> labels = differing_labels();
  if (!labels.empty()) {
    out.append(labels.size() == 1 ? "; column " : "; columns ").append(listed(labels));
  }
  return out;
}

std::vector<std::string> RowFindings::differing_labels() const {
  std::vector<std::string> out;
  for (std::size_t pair = 0; pair < differing_columns_.size(); ++pair) {
    if (!differing_columns_[pair]) continue;
    const auto& column = columns_.columns()[pair];
    out.push_back(quoted(columns_.result(Side::legacy).columns()[column.legacy].label));
  }
  return out;
}

}  // namespace parallax::shadow
