#pragma once

// A rule's rewrite, wrong in the ways in which people get it wrong: one mistake each. What is
// compared with a mistake planted tells what the data that came could have shown.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "shadow/rules/rule.h"

namespace parallax::shadow {

// What verification has found of the rewrite, as far as mistakes need it.
struct RewriteFacts {
  struct Column {
    std::string label;
    std::uint32_t type = 0;
    bool expression = false;  // not a table's column
    // Label of its partner; empty where it has none, or none that can be named.
    std::string legacy;
  };
  // In order; empty where the columns that are compared are not those of one select list.
  std::vector<Column> columns;
  std::map<std::string, std::uint32_t, std::less<>> names;  // type of each name that has one type
  bool one_row = false;     // by a unique key: order and LIMIT mean nothing
  bool order_free = false;  // the sequence of the rows is not compared
  bool has_key = false;     // each row has a key in the output: DISTINCT means nothing
};

struct Mutant {
  // Of the mistake, in the rewrite's own words; (2) where it can be made at a second place.
  std::string description;
  std::shared_ptr<const RuleSet> rules;  // the one rule, with the mistake
  const Rule& rule() const { return *rules->rules().front(); }
};

struct Mutants {
  std::vector<Mutant> all;
  std::size_t left_out = 0;  // over kMutantsMax
};
inline constexpr std::size_t kMutantsMax = 64;

// In order of the mistakes' kinds. Each is a rule that compiles, and no two are the same.
Mutants mutants_of(const RuleSource& rule, const RewriteFacts& facts);

}  // namespace parallax::shadow
