#include "shadow/query_plan.h"

#include <catch2/catch.hpp>
#include <utility>

namespace parallax::shadow {
namespace {

constexpr const char* kPlan = R"json([{"Plan": {"Node Type": "Limit", "Total Cost": 9.5,
  "Plan Rows": 5, "Plans": [
    {"Node Type": "Hash Join", "Join Type": "Left", "Hash Cond": "(a.id = b.id)",
     "Plans": [
       {"Node Type": "Seq Scan", "Relation Name": "a", "Filter": "(x > $1)"},
       {"Node Type": "Hash", "Plans": [
         {"Node Type": "Index Scan", "Index Name": "b_pkey", "Relation Name": "b"}]}]},
    {"Node Type": "Sort", "Subplan Name": "SubPlan 1", "Sort Key": ["x", "y DESC"]}]}}])json";

TEST_CASE("a plan is read node by node, parents first") {
  const auto plan = read_plan(kPlan);
  REQUIRE(plan.size() == 6);
  const std::vector<std::pair<std::size_t, std::string>> wanted = {
      {0, "Limit"},
      {1, "Hash Join (Left)"},
      {2, "Seq Scan on a"},
      {2, "Hash"},
      {3, "Index Scan using b_pkey on b"},
      {1, "SubPlan 1: Sort"}};
  for (std::size_t i = 0; i < plan.size(); ++i) {
    CHECK(plan[i].depth == wanted[i].first);
    CHECK(plan[i].what == wanted[i].second);
  }
  CHECK(plan[0].cost == 9.5);
  CHECK(plan[0].rows == 5);
  CHECK(plan[1].conditions == std::vector<std::string>{"Hash Cond: (a.id = b.id)"});
  CHECK(plan[2].conditions == std::vector<std::string>{"Filter: (x > $1)"});
  CHECK(plan[5].conditions == std::vector<std::string>{"Sort Key: x, y DESC"});
}

TEST_CASE("what is no plan gives none") {
  for (const char* text :
       {"", "{", "[]", "[1]", "{}", "[{}]", R"([{"Plan": 1}])", R"([{"Plan": []}])"}) {
    INFO(text);
    CHECK(read_plan(text).empty());
  }
  CHECK(read_plan(R"([{"Plan": {"Node Type": 1, "Plans": [1, {}]}}])").size() == 2);
}

}  // namespace
}  // namespace parallax::shadow
