#pragma once

// The values that one place of an operation had, over all times that it was seen.

#include <cstddef>
#include <utility>

#include "shadow/learn/operations.h"

namespace parallax::shadow {

struct ValuePosition {
  std::size_t node = 0;
  std::size_t slot = 0;  // of the node's statement
  bool operator<(const ValuePosition& other) const {
    return std::pair(node, slot) < std::pair(other.node, other.slot);
  }
};

// Null: the statement did not come that time.
const LearnInput* value_at(const LegacyOperation& operation, std::size_t example,
                           const ValuePosition& position);

// The only value, whatever its spelling; null: there were several.
const LearnInput* only_value(const LegacyOperation& operation, const ValuePosition& position);

// The same text every time, as a rule compares the places of one name.
bool always_equal(const LegacyOperation& operation, const ValuePosition& a, const ValuePosition& b);

// Seen with other values of the root, or, where it has none, several times: only then does a value
// that stays the same say something.
bool varied(const LegacyOperation& operation);

}  // namespace parallax::shadow
