#pragma once

// The parts of a JSON text as they stand in it, without reading what they hold. For texts that the
// server has written: what is no JSON is noticed only where it breaks the parts.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parallax::shadow {

enum class JsonKind { null, boolean, number, string, array, object, none };

// By its first character; `text` has no white space around it.
JsonKind json_kind(std::string_view text);
// "a number"
std::string_view name(JsonKind kind);

std::string_view without_blanks(std::string_view text);

// The values of an array; nothing for anything else.
std::optional<std::vector<std::string_view>> json_elements(std::string_view text);

// The members of an object, keys without quotes and escapes, in its order; nothing for anything
// else.
using JsonMembers = std::vector<std::pair<std::string, std::string_view>>;
std::optional<JsonMembers> json_members(std::string_view text);

}  // namespace parallax::shadow
