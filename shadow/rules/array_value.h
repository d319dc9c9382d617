#pragma once

// A list as one value, as `= any($1)` has it, and back.

#include <optional>
#include <string>
#include <vector>

#include "shadow/rules/rule.h"

namespace parallax::shadow {

// In the server's text format; nothing when a member is binary and of a type that is not read.
std::optional<std::string> array_text(const std::vector<Value>& members);

// The members of an array of one dimension, in text or binary format. Nothing when it is none, or
// NULL.
std::optional<std::vector<Value>> array_members(const Value& array);

}  // namespace parallax::shadow
