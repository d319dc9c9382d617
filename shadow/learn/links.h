#pragma once

// Which list of a statement is a column of another one's result: the links between the statements
// of one operation, found by their values.

#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "shadow/learn/observation.h"
#include "shadow/learn/statement_facts.h"

namespace parallax::shadow {

// A legacy statement that ran. Statements of two operations (tags) are two kinds.
struct LearnEvent {
  std::size_t statement = 0;
  std::size_t kind = 0;
  const Observation* seen = nullptr;
};

// `"child"."column" IN (:parent.column)`, between kinds.
struct FoundLink {
  std::size_t child = 0;  // kind
  std::size_t group = 0;  // the child's list
  std::size_t parent = 0;
  std::size_t parent_column = 0;
  std::size_t child_column = 0;  // of its output: what the list is compared with
  bool operator<(const FoundLink& other) const {
    const auto all = [](const FoundLink& one) {
      return std::tuple(one.child, one.group, one.parent, one.parent_column, one.child_column);
    };
    return all(*this) < all(other);
  }
};

// How a child's list may have come about.
struct Explanation {
  std::size_t link = 0;
  std::size_t parent = 0;  // event
};

struct FoundLinks {
  std::vector<FoundLink> links;                        // chosen: few that explain all
  std::vector<std::vector<Explanation>> explanations;  // by event; the nearest parent first
};

// `events` in the order of their beginning; `facts` by statement; `window_ns`: between the parent's
// end and the child's beginning. A link needs evidence: several lists that it explains, or names
// that speak for it (userId and "users"."id").
FoundLinks find_links(std::span<const LearnEvent> events, std::span<const StatementFacts> facts,
                      std::uint64_t window_ns);

}  // namespace parallax::shadow
