#pragma once

// Whether the shadow role may read the tables of a rule.

#include <string>

#include "shadow/replay/read_only_transaction.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// One query of the catalog; fails with 42501 where a schema may not be used.
TransactionStep rights_step(const Rule& rule);

// `step`: its end, which may be that error. What is missing, and the GRANT that helps; empty when
// nothing is. A right on some of a table's columns is enough here: which ones a statement reads,
// the server knows.
std::string rights_problem(const StepResult& step);

}  // namespace parallax::shadow
