#pragma once

// Where the sort keys of legacy's statements stand among the paired columns.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "shadow/compare/pairing.h"
#include "shadow/rules/sort_order.h"

namespace parallax::shadow {

// Legacy's columns of its statement `i`; all of them where it has one statement.
std::span<const ColumnInfo> columns_of(const ResultSet& legacy, const Pairing& pairing,
                                       std::size_t i);

// Pairs (indexes into the pairing) of the leading sort keys of statement `i` that are in the
// output.
std::vector<std::size_t> keys_of(const SortOrder& order, const Pairing& pairing,
                                 const ResultSet& legacy, std::size_t i);

// Pairs of what rows have in common of which DISTINCT ON gives one; nothing where not all of that
// is in the output.
std::optional<std::vector<std::size_t>> picked_by(const SortOrder& order, const Pairing& pairing,
                                                  const ResultSet& legacy, std::size_t i);

// A primary key is whole in the output of statement `i`.
bool has_key(const Pairing& pairing, const ResultSet& legacy, std::size_t i);

// All pairs of statement `i`.
std::vector<std::size_t> pairs_of(const Pairing& pairing, const ResultSet& legacy, std::size_t i);

// Pairs that tell rows of statement `i` apart: its part of the primary keys, or all it has.
std::vector<std::size_t> identity_of(const Pairing& pairing, const ResultSet& legacy,
                                     std::size_t i);

}  // namespace parallax::shadow
