#pragma once

// Of an operation of several statements: rows that a child's LIMIT or OFFSET may have exchanged for
// others that tie with them.

#include <cstddef>
#include <span>
#include <vector>

#include "shadow/compare/compare.h"
#include "shadow/compare/row_columns.h"

namespace parallax::shadow {

class ChildCuts {
 public:
  ChildCuts() = default;
  // What `basis` refers to must outlive it.
  ChildCuts(const ComparisonBasis& basis, const ResultSet& legacy);

  // These rows that have no partner belong to as many rows of one child on both sides, all of one
  // parent, which tie with the last (LIMIT) or the first (OFFSET) one that legacy has. Nothing is
  // said where a child has several parents: which of them its LIMIT has cut cannot be seen.
  bool may_be_cut(RowColumns& columns, std::span<const std::size_t> legacy_only,
                  std::span<const std::size_t> rewrite_only) const;

 private:
  struct Child {
    const SortOrder* order;
    std::vector<std::size_t> own;       // pairs that tell its rows apart
    std::vector<std::size_t> parents;   // pairs of all statements above it
    std::vector<std::size_t> tied;      // parents and sort keys: what rows that tie have in common
    std::vector<std::size_t> identity;  // parents and own
    bool has_key;                       // `own` is unique
  };

  bool child_may_be_cut(RowColumns& columns, const Child& child,
                        std::span<const std::size_t> legacy_only,
                        std::span<const std::size_t> rewrite_only) const;

  std::vector<Child> children_;
  const NamedValues* values_ = nullptr;
};

}  // namespace parallax::shadow
