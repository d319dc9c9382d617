#pragma once

#include "shadow/power/mutants.h"
#include "shadow/replay/rule_check.h"

namespace parallax::shadow {

RewriteFacts facts_of(const Rule& rule, const Verification& verification);

}  // namespace parallax::shadow
