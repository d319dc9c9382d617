#pragma once

// The grammar of a rule beyond SQL: names, pins, `:_`, lists.

#include <vector>

#include "shadow/rule_source.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// Adds a problem for each name that is wrong in itself (a link in a let, two names in a list,
// `:_` where it cannot stand), that the rewrite needs and neither legacy nor a let gives, that a
// let needs and legacy does not give, or that is given and not used.
void check_names(const RuleSource& source, const std::vector<RuleStatement>& legacy,
                 const std::vector<RuleStatement>& rewrite, const std::vector<LetValue>& lets,
                 std::vector<ConfigProblem>& problems);

}  // namespace parallax::shadow
