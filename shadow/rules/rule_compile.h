#pragma once

// One rule of the configuration, checked by itself.

#include <cstdint>
#include <memory>
#include <vector>

#include "shadow/rules/rule.h"

namespace parallax::shadow {

// Null when it added problems.
std::unique_ptr<Rule> compile_rule(RuleSource source, std::uint32_t index,
                                   std::vector<ConfigProblem>& problems);

}  // namespace parallax::shadow
