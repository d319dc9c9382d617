#pragma once

// What one call of an ORM sends: the statements of legacy put together by tags and links.

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "shadow/learn/observation.h"
#include "shadow/learn/statement_facts.h"

namespace parallax::shadow {

struct OperationNode {
  std::size_t statement = 0;
  // Not of the root:
  std::size_t parent = 0;         // node
  std::size_t parent_column = 0;  // of its output
  std::size_t group = 0;          // the list
  std::size_t link_column = 0;    // of the own output
  bool operator==(const OperationNode&) const = default;
};

struct LegacyOperation {
  std::vector<OperationNode> nodes;           // the root first, every child behind its parent
  std::map<std::string, std::uint64_t> tags;  // how often with each; empty: without
  // By node; null: its parents had nothing to look for, so it did not come.
  std::vector<std::vector<const Observation*>> examples;
  std::uint64_t incomplete = 0;  // operations of which a statement was not seen
};

// `facts` by statement. The most frequent first.
std::vector<LegacyOperation> find_operations(const LearnedTraffic& traffic,
                                             std::span<const StatementFacts> facts,
                                             std::uint64_t window_ns);

}  // namespace parallax::shadow
