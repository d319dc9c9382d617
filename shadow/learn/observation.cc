#include "shadow/learn/observation.h"

#include <algorithm>

namespace parallax::shadow {

bool LearnInput::has_value() const {
  return std::ranges::any_of(members, [](const auto& member) { return member.has_value(); });
}

std::size_t Observation::bytes() const {
  std::size_t bytes = sizeof(Observation) + operation.size();
  for (const LearnInput& input : inputs) {
    bytes += sizeof input;
    for (const auto& member : input.members) bytes += sizeof member + (member ? member->size() : 0);
  }
  return bytes + (result == nullptr ? 0 : sizeof(ResultSet) + result->bytes());
}

}  // namespace parallax::shadow
