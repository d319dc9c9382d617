#pragma once

// `compare: {select: …}`: a SELECT over the rewrite, so that the server itself brings its result
// into rows. What is replayed and verified is `WITH rewrite AS (<rewrite>) <select>`.

#include <string>
#include <string_view>
#include <vector>

#include "shadow/rule_source.h"

namespace parallax::shadow {

inline constexpr std::string_view kSelectBefore = "WITH rewrite AS (\n";
// Between the two.
inline constexpr std::string_view kSelectBetween = "\n)\n";

// The rewrite itself where the rule has no `select`.
std::string with_select(const RuleSource& source, std::string rewrite);
// The text whose select list gives the columns that are compared; `rewrite` where there is none.
const std::string& replayed_select(const RuleSource& source, const std::string& rewrite);

// Adds a problem where the text is not one SELECT that reads from `rewrite` alone, or where it has
// names or a WITH of its own.
void check_rewrite_select(const RuleSource& source, std::vector<ConfigProblem>& problems);

}  // namespace parallax::shadow
