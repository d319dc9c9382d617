#pragma once

// Legacy's ORDER BY as a contract over two results: what may come in another sequence, and which
// rows a LIMIT may have exchanged.

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "shadow/compare/child_cuts.h"
#include "shadow/compare/compare.h"
#include "shadow/compare/row_columns.h"

namespace parallax::shadow {

class RowOrder {
 public:
  // What `basis` refers to must outlive it.
  RowOrder(const ComparisonBasis& basis, const ResultSet& legacy);

  // The sequence of rows means something.
  bool ordered() const { return mode_ != OrderMode::ignore && (strict() || order_.ordered); }
  // Every sort key is in the output, so that ties can be told. Also without an ORDER BY.
  bool proven() const { return !strict() && keys_.size() == order_.keys.size(); }
  // Legacy has children in JSON: whether their sequence means something is not known.
  bool hides_children() const { return hides_children_; }
  // DISTINCT ON gives one of several rows.
  bool picks() const { return order_.picks; }
  // Pairs (indexes into the pairing) of the leading sort keys that are in the output.
  std::span<const std::size_t> keys() const { return keys_; }

  // A row of each side have the same sort keys, as far as they are in the output.
  bool tie(RowColumns& columns, std::size_t legacy_row, std::size_t rewrite_row) const;

  // Whether the rows of children have a sequence within one parent.
  bool orders_children() const { return !children_.empty(); }

  // The given pairs of rows (legacy, rewrite) come in the sequence that the sort keys ask for. True
  // without an order. Sorts them by their legacy row.
  bool in_sequence(RowColumns& columns,
                   std::vector<std::pair<std::size_t, std::size_t>>& pairs) const;

  // These rows that have no partner, as many on both sides, may be what LIMIT or OFFSET took of
  // rows that tie: all sort keys are in the output, and each row ties with the last (LIMIT) or the
  // first (OFFSET) row of legacy, which may have more than one. Without an ORDER BY all rows tie. A
  // LIMIT that was not reached has cut nothing. Of several statements it is the root's, whose rows
  // may have other numbers of children, or a child's (see ChildCuts). So may they be
  // where DISTINCT ON gives one of several, if all that it goes by is in the output.
  bool may_be_cut(RowColumns& columns, std::span<const std::size_t> legacy_only,
                  std::span<const std::size_t> rewrite_only) const;

 private:
  // The ORDER BY of a child: it orders the child's rows within one parent.
  struct ChildOrder {
    std::vector<std::size_t> keys;    // as keys_
    std::vector<std::size_t> parent;  // legacy columns of all that is not the child's, nor below it
  };
  using RowPairs = std::vector<std::pair<std::size_t, std::size_t>>;

  void read_children(const ComparisonBasis& basis, const ResultSet& legacy);
  std::size_t root_rows(const ResultSet& legacy) const;
  bool child_in_sequence(RowColumns& columns, const ChildOrder& child, const RowPairs& pairs) const;
  bool strict() const { return mode_ == OrderMode::strict; }
  bool legacy_tie(RowColumns& columns, std::size_t first, std::size_t second) const;

  OrderMode mode_;
  bool one_row_;
  bool hides_children_;
  const SortOrder& order_;
  const NamedValues* values_;
  std::vector<std::size_t> keys_;
  std::vector<ChildOrder> children_;
  bool picks_differ(RowColumns& columns, std::span<const std::size_t> legacy_only,
                    std::span<const std::size_t> rewrite_only) const;

  std::optional<std::vector<std::size_t>> picked_by_;
  // Of several statements; 0 and empty of one.
  std::size_t root_columns_ = 0;
  std::vector<std::size_t> root_pairs_;  // that tell rows of the root apart
  bool root_has_key_ = false;
  ChildCuts cuts_;
};

}  // namespace parallax::shadow
