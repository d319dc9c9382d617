#pragma once

// Links between the statements of one operation: `IN (:parent.column)`.

#include <optional>
#include <vector>

#include "shadow/rules/rule.h"

namespace parallax::shadow {

// The `statements` of a side as the file has them, with name, source and shape. Gives them their
// links and brings them into the order of Rule::legacy and Rule::rewrite. Nothing when it added
// problems: no root or several, a link to no statement or in a circle, a linked column that is not
// in the child's select list.
std::optional<std::vector<RuleStatement>> link_statements(std::vector<RuleStatement> statements,
                                                          Side side,
                                                          std::vector<ConfigProblem>& problems);

}  // namespace parallax::shadow
