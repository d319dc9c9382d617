#pragma once

#include <vector>

#include "shadow/learn/observation.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// What stands in the slots of a statement: its literals, and `parameters` as $1, $2, ...
std::vector<LearnInput> learned_inputs(const StatementShape& shape,
                                       const std::vector<Value>& parameters);

}  // namespace parallax::shadow
