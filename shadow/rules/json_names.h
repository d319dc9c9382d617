#pragma once

// The names in `compare: {json: …}`.

#include <string>
#include <string_view>
#include <vector>

#include "shadow/rule_source.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// In place of a value's column: it is not compared.
inline constexpr std::string_view kNoValue = "_";

// "statement.label" of a value of the child that is the statement `child`: `label` is its own,
// `statement.label` another's.
std::string legacy_label(const std::vector<RuleStatement>& legacy, std::string_view child,
                         std::string_view value);

// `legacy` in the order of its links. Adds a problem for each child that is no statement or stands
// in the wrong place, and for what is named twice, also under `ignore` and `columns`.
void check_json_names(const RuleSource& source, const std::vector<RuleStatement>& legacy,
                      std::vector<ConfigProblem>& problems);

}  // namespace parallax::shadow
