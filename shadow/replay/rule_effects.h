#pragma once

// What a rule's statements would set off on the server: the functions behind them, also through
// views, row-level security policies, other functions, operators, aggregates, casts, domains and
// partitions; and foreign tables. Asked of the catalog before any statement of the rule is sent.

#include <set>
#include <string>
#include <vector>

#include "shadow/compare/result_set.h"
#include "shadow/replay/read_only_transaction.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// One query of the catalog. Tables are looked up as the connection's search_path says; functions,
// types and operators by name in all schemas, since a session may have another search_path, and all
// overloads, since which of them is called depends on types. `safe_functions`: as in Options; what
// they do is not looked at.
TransactionStep effects_step(const Rule& rule, const std::set<std::string>& safe_functions);

// `rows`: of that query. Why the rule cannot be replayed, and what to do about it; empty when
// nothing speaks against it.
std::string effects_problem(const ResultSet& rows);

}  // namespace parallax::shadow
