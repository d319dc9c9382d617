#pragma once

// A statement as a rule has it: other words in the place of its values.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/learn/observation.h"
#include "shadow/learn/statement_facts.h"
#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {

// `instead`: by slot of the shape; nothing: as it stands. A list's words stand in its first member
// (`CAST(:status AS …)`). Comments are left out, they may carry values. Nothing when it cannot be
// written as a block scalar.
std::optional<std::string> rule_text(std::string_view sql, const StatementShape& shape,
                                     const std::vector<std::optional<std::string>>& instead);

// A constant: a number for LIMIT and OFFSET, else quoted, which every type reads. Nothing for what
// cannot stand in one line, and for a list whose members are written in an expression.
std::optional<std::string> literal_text(const LearnInput& input, const SlotGroup& group,
                                        ValueUse use);

}  // namespace parallax::shadow
