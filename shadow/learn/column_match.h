#pragma once

// Columns of an operation and of a rewrite that are the same, by their texts and by their values.

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "shadow/compare/result_set.h"
#include "shadow/learn/statement_facts.h"

namespace parallax::shadow {

struct LegacyColumn {
  const OutputColumn* column = nullptr;
  bool link = false;
};

// What verification will find by itself (pairing.h), as far as texts say it: the same column of the
// same table, in order of appearance where there are several; these are left where `repeated` is
// false.
struct ColumnMatch {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  std::vector<std::size_t> legacy_left;  // without links
  std::vector<std::size_t> rewrite_left;
  bool repeated = false;  // a column comes several times
};
ColumnMatch match_columns(const std::vector<LegacyColumn>& legacy,
                          const std::vector<OutputColumn>& rewrite, bool repeated);

// The rows of some columns, in whatever sequence.
using Columns = std::vector<std::size_t>;
std::size_t rows_hash(const ResultSet& result, const Columns& columns);

struct ResultPair {
  const ResultSet* legacy = nullptr;
  const ResultSet* rewrite = nullptr;
};

// Of the columns that are left: pairs whose values are the same in each of `results`, beside those
// of the columns that are paired already. Where several fit, names decide.
std::map<std::size_t, std::size_t> match_left(const ColumnMatch& match,
                                              const std::vector<LegacyColumn>& legacy,
                                              const std::vector<OutputColumn>& rewrite,
                                              const std::vector<ResultPair>& results);

// The values of one more column on each side are the same.
bool same_values_beside(const ColumnMatch& match, std::size_t legacy, std::size_t rewrite,
                        const ResultPair& results);

}  // namespace parallax::shadow
