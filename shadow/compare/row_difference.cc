#include "shadow/compare/row_difference.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "shadow/compare/row_findings.h"
#include "shadow/compare/row_match.h"

namespace parallax::shadow {
namespace {

using RowPair = std::pair<std::size_t, std::size_t>;

// The comparison of one pair of results, from the cheapest view to the dearest.
class RowComparison {
 public:
  RowComparison(RowColumns& columns, const RowOrder& order, const Pairing& pairing)
      : columns_(columns), order_(order), pairing_(pairing), findings_(columns) {}

  Comparison run() {
    compare_in_sequence();
    if (legacy_rest_.empty() && rewrite_rest_.empty()) return equal();
    if (columns_.tolerant()) start_anew();
    std::vector<std::size_t> all(columns_.columns().size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    rest_ = match_rows(columns_, all, legacy_rest_, rewrite_rest_);
    for (const auto& [legacy, rewrite] : rest_.pairs) note_pair(legacy, rewrite);
    if (rest_.legacy_only.empty() && rest_.rewrite_only.empty()) {
      if (check_sequence()) return equal();
      return different();
    }
    if (is_cut_tie()) {
      Comparison out;
      out.cut_tie = true;
      out.detail = order_.picks()
                       ? "the rows that differ tie, and DISTINCT ON gives any one of them"
                       : "the rows that differ tie where LIMIT or OFFSET cuts";
      return out;
    }
    align_rows();
    check_sequence();
    return different();
  }

 private:
  // Rows that are equal at the same place are equal in any view; what is left is compared further.
  void compare_in_sequence() {
    const std::size_t both = std::min(columns_.rows(Side::legacy), columns_.rows(Side::rewrite));
    for (std::size_t row = 0; row < both; ++row) {
      const CellEquality equality = columns_.compare_row(row, row);
      if (equality == CellEquality::different) {
        legacy_rest_.push_back(row);
        rewrite_rest_.push_back(row);
      } else {
        if (equality != CellEquality::same_bytes) columns_.add_steps(row, row, steps_);
        pairs_.emplace_back(row, row);
      }
    }
    for (std::size_t row = both; row < columns_.rows(Side::legacy); ++row)
      legacy_rest_.push_back(row);
    for (std::size_t row = both; row < columns_.rows(Side::rewrite); ++row)
      rewrite_rest_.push_back(row);
  }

  // A row that is near the one at its place may be the only one that another row is near to.
  void start_anew() {
    pairs_.clear();
    steps_.clear();
    columns_.forget_steps();
    legacy_rest_.resize(columns_.rows(Side::legacy));
    rewrite_rest_.resize(columns_.rows(Side::rewrite));
    std::iota(legacy_rest_.begin(), legacy_rest_.end(), std::size_t{0});
    std::iota(rewrite_rest_.begin(), rewrite_rest_.end(), std::size_t{0});
  }

  void note_pair(std::size_t legacy, std::size_t rewrite) {
    pairs_.emplace_back(legacy, rewrite);
    columns_.add_steps(legacy, rewrite, steps_);
  }

  bool check_sequence() {
    if (order_.in_sequence(columns_, pairs_)) return true;
    // Of as many rows on both sides, what stands at the place of each row that moved.
    const bool same_count = columns_.rows(Side::legacy) == columns_.rows(Side::rewrite);
    for (const auto& [legacy, rewrite] : pairs_) {
      if (legacy == rewrite) continue;
      findings_.add(MismatchKind::order, legacy, same_count ? legacy : rewrite);
      if (!same_count) break;
    }
    return false;
  }

  // A row of the same primary key with other values is no row that a cut has exchanged; a parent's
  // key alone tells none of a join's rows apart.
  bool is_cut_tie() {
    if (!order_.may_be_cut(columns_, rest_.legacy_only, rest_.rewrite_only)) return false;
    if (!order_.in_sequence(columns_, pairs_)) return false;
    if (pairing_.key_pairs.empty() || legacy_repeats_keys()) return true;
    return match_rows(columns_, pairing_.key_pairs, rest_.legacy_only, rest_.rewrite_only)
        .pairs.empty();
  }

  bool legacy_repeats_keys() const {
    std::set<std::vector<std::optional<std::string_view>>> met;
    for (std::size_t row = 0; row < columns_.rows(Side::legacy); ++row) {
      std::vector<std::optional<std::string_view>> key;
      for (const std::size_t pair : pairing_.key_pairs)
        key.push_back(columns_.cell(Side::legacy, row, pair));
      if (!met.insert(std::move(key)).second) return true;
    }
    return false;
  }

  // The multisets differ: aligns what is left of them by primary key, or by the sort keys.
  void align_rows() {
    const bool single = columns_.rows(Side::legacy) == 1 && columns_.rows(Side::rewrite) == 1;
    // Nothing else stands against the one row.
    if (single && pairing_.key_pairs.empty()) return findings_.add_aligned(0, 0);
    MatchedRows aligned = std::move(rest_);
    const auto by = pairing_.key_pairs.empty() && order_.ordered()
                        ? order_.keys()
                        : std::span<const std::size_t>(pairing_.key_pairs);
    if (!by.empty()) {
      aligned = match_rows(columns_, by, aligned.legacy_only, aligned.rewrite_only);
      for (const auto& [legacy, rewrite] : aligned.pairs) {
        findings_.add_aligned(legacy, rewrite);
        // A row of other sort keys stands where these say.
        if (order_.tie(columns_, legacy, rewrite)) pairs_.emplace_back(legacy, rewrite);
      }
    }
    for (const std::size_t row : aligned.legacy_only) findings_.add_missing(row);
    for (const std::size_t row : aligned.rewrite_only) findings_.add_extra(row);
  }

  // With the steps that made other rows equal.
  Comparison different() {
    Comparison out = findings_.comparison();
    // A row that is missing moves those behind it, and none of them past another.
    std::ranges::sort(pairs_);
    note_order(!std::ranges::is_sorted(pairs_, {}, &RowPair::second));
    out.steps.assign(steps_.begin(), steps_.end());
    return out;
  }

  void note_order(bool moved) {
    if (moved) {
      const bool proven = !order_.hides_children() && (!order_.ordered() || order_.proven());
      steps_.insert(proven ? EqualStep::order : EqualStep::order_unproven);
    }
  }

  Comparison equal() {
    note_order(
        std::ranges::any_of(pairs_, [](const RowPair& pair) { return pair.first != pair.second; }));
    Comparison out;
    out.steps.assign(steps_.begin(), steps_.end());
    return out;
  }

  RowColumns& columns_;
  const RowOrder& order_;
  const Pairing& pairing_;
  RowFindings findings_;
  std::set<EqualStep> steps_;
  std::vector<std::size_t> legacy_rest_;  // rows without an equal row at the same place
  std::vector<std::size_t> rewrite_rest_;
  MatchedRows rest_;
  std::vector<RowPair> pairs_;  // rows that are equal, and those aligned
};

// Every column paired with the column at its own place, in one format: then the buffers are
// comparable as wholes.
bool same_places(const RowColumns& columns) {
  const auto all = columns.columns();
  if (all.size() != columns.result(Side::legacy).columns().size() ||
      all.size() != columns.result(Side::rewrite).columns().size()) {
    return false;
  }
  return std::ranges::all_of(all, [](const RowColumns::Column& column) {
    return column.legacy == column.rewrite && column.same_format && column.bytes_agree;
  });
}

}  // namespace

Comparison compare_all_rows(RowColumns& columns, const RowOrder& order, const Pairing& pairing) {
  if (same_places(columns) &&
      columns.result(Side::legacy).same_cells(columns.result(Side::rewrite)))
    return {};
  return RowComparison(columns, order, pairing).run();
}

}  // namespace parallax::shadow
