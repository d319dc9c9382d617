#pragma once

// One rule of one operation and its answer: which value is a name, which a pin, which a `let`.

#include <optional>

#include "shadow/learn/answers.h"
#include "shadow/learn/proposal.h"

namespace parallax::shadow {

// `answer` may be null: legacy alone. The name of the rule, and whether it loads, are for others to
// say.
ProposedRule make_rule(const LearnedSides& sides, const LegacyOperation& operation,
                       const Answer* answer);

}  // namespace parallax::shadow
