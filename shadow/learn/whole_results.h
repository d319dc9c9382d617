#pragma once

// The results of an operation's statements as one, for each time that it was seen.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "shadow/compare/result_set.h"
#include "shadow/learn/operations.h"

namespace parallax::shadow {

// Gives all results the labels that their statements say. Nothing is known of their types: cells
// are compared as the server wrote them.
void describe_results(LearnedTraffic& traffic, std::span<const StatementFacts> facts);

// A column of an operation.
struct WholeColumn {
  std::size_t node = 0;
  std::size_t column = 0;  // of the node's output
  bool link = false;       // links need no counterpart
};
std::vector<WholeColumn> whole_columns(const LegacyOperation& operation,
                                       std::span<const StatementFacts> facts);

// By example; nothing: too large, or of another shape than the statement says.
std::vector<std::optional<ResultSet>> whole_results(const LegacyOperation& operation,
                                                    std::span<const StatementFacts> facts);

}  // namespace parallax::shadow
