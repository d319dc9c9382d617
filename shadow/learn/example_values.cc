#include "shadow/learn/example_values.h"

#include <algorithm>

#include "shadow/learn/value_forms.h"

namespace parallax::shadow {

const LearnInput* value_at(const LegacyOperation& operation, std::size_t example,
                           const ValuePosition& position) {
  const Observation* part = operation.examples[example][position.node];
  return part == nullptr ? nullptr : &part->inputs[position.slot];
}

const LearnInput* only_value(const LegacyOperation& operation, const ValuePosition& position) {
  const LearnInput* value = nullptr;
  for (std::size_t i = 0; i < operation.examples.size(); ++i) {
    const LearnInput* one = value_at(operation, i, position);
    if (one == nullptr) continue;
    if (value != nullptr && !same_input(*value, *one)) return nullptr;
    value = one;
  }
  return value;
}

bool always_equal(const LegacyOperation& operation, const ValuePosition& a,
                  const ValuePosition& b) {
  bool met = false;
  for (std::size_t i = 0; i < operation.examples.size(); ++i) {
    const LearnInput* left = value_at(operation, i, a);
    const LearnInput* right = value_at(operation, i, b);
    if (left == nullptr || right == nullptr) continue;
    if (left->members != right->members) return false;
    met = true;
  }
  return met;
}

bool varied(const LegacyOperation& operation) {
  const auto& examples = operation.examples;
  if (examples.size() < 2) return false;
  const auto& first = examples.front().front()->inputs;
  return first.empty() || std::ranges::any_of(examples, [&](const auto& example) {
           return example.front()->inputs != first;
         });
}

}  // namespace parallax::shadow
