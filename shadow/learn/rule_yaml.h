#pragma once

// Proposed rules as a file that `include:` takes. Public face of shadow/.

#include <string>
#include <vector>

#include "shadow/learn/proposal.h"

namespace parallax::shadow {

// Rules that do not load as they stand are comments, with what is to be done; so the whole always
// loads. Nothing in it can end a line but what is meant to.
std::string rules_yaml(const std::vector<ProposedRule>& rules);

}  // namespace parallax::shadow
