#pragma once

// A plan as EXPLAIN (FORMAT JSON) gives it, read. Public face of shadow/.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace parallax::shadow {

struct PlanNode {
  std::size_t depth = 0;
  std::string what;  // "Index Scan using users_pkey on users"
  double cost = 0;   // to its last row, in the planner's unit
  double rows = 0;
  std::vector<std::string> conditions;  // "Filter: (id > $1)", "Sort Key: name, id"
};

// Each node before its children. Empty where the text is no plan.
using QueryPlan = std::vector<PlanNode>;
QueryPlan read_plan(std::string_view json);

}  // namespace parallax::shadow
