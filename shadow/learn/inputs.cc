#include "shadow/learn/inputs.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "shadow/rules/values.h"

namespace parallax::shadow {

namespace {

// bytea's text.
std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "\\x";
  for (const char c : bytes) {
    text.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    text.push_back(kDigits[static_cast<unsigned char>(c) & 0xFU]);
  }
  return text;
}

std::optional<std::string> learned_value(const Value& value) {
  if (value.null) return std::nullopt;
  auto text = text_of(value);
  return text ? std::move(text) : hexadecimal(value.bytes);
}

}  // namespace

std::vector<LearnInput> learned_inputs(const StatementShape& shape,
                                       const std::vector<Value>& parameters) {
  std::vector<LearnInput> inputs;
  for (const SlotGroup& group : shape.slots) {
    LearnInput input{.list = group.list, .members = {}};
    for (const Slot& slot : group.members) {
      if (slot.kind != SlotKind::parameter) {
        input.members.push_back(learned_value(value_of(slot)));
      } else if (slot.number >= 1 && slot.number <= parameters.size()) {
        input.members.push_back(learned_value(parameters[slot.number - 1]));
      } else {
        input.members.emplace_back(std::nullopt);
      }
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

}  // namespace parallax::shadow
