#include "proxy/render_check.h"

#include <catch2/catch.hpp>
#include <string>

namespace parallax::proxy {
namespace {

using shadow::CheckedRule;
using shadow::RuleState;

const shadow::Rule& some_rule() {
  static const shadow::Rule rule = [] {
    shadow::Rule made;
    made.name = "user.get";
    made.source.ignore["secret"].text = "not shown";
    return made;
  }();
  return rule;
}

CheckedRule checked(RuleState state) {
  CheckedRule out;
  out.rule = &some_rule();
  out.state = state;
  return out;
}

TEST_CASE("a rule with its pairs and plans") {
  auto rule = checked(RuleState::ready);
  rule.pairs = {{.legacy = "id", .rewrite = "i\x1b", .legacy_type = "int4", .rewrite_type = "int4"},
                {.legacy = "total",
                 .rewrite = "t",
                 .by = shadow::PairedBy::left_over,
                 .legacy_type = "int8",
                 .rewrite_type = "int4",
                 .step = shadow::EqualStep::type_width}};
  rule.legacy_plan = {{0, "Limit", 8.5, 1, {}},
                      {1, "Nested Loop", 8, 2, {"Join Filter: (a = b)"}},
                      {2, "Seq Scan on a", 1, 1, {}},
                      {2, "Seq Scan on b", 1, 1, {}}};
  rule.rewrite_plan = {{0, "Seq Scan on a", 100, 1, {}}};
  CHECK(render_checked_rule(rule, false, {}) ==
        "ready       user.get\n"
        "    warning: the planner takes the rewrite to cost 12 times as much as legacy\n"
        "    id      -> i\\x1b  same column  int4\n"
        "    total   -> t      left over    int8 against int4 (compared by value: type_width)\n"
        "    secret  ignored   not shown\n"
        "    legacy plan:  cost 8.50, 1 row: Limit (Nested Loop (Seq Scan on a, Seq Scan on b))\n"
        "    rewrite plan: cost 100.00, 1 row: Seq Scan on a\n");
  rule.rewrite_plan.clear();
  CHECK(render_checked_rule(rule, true, {})
            .ends_with("    legacy plan:  cost 8.50, 1 row\n"
                       "      Limit  (cost 8.50, 1 row)\n"
                       "        Nested Loop  (cost 8.00, 2 rows)\n"
                       "            Join Filter: (a = b)\n"
                       "          Seq Scan on a  (cost 1.00, 1 row)\n"
                       "          Seq Scan on b  (cost 1.00, 1 row)\n"
                       "    rewrite plan: none\n"));
}

TEST_CASE("problems make a ready rule one that fails") {
  auto rule = checked(RuleState::ready);
  CHECK(rule.good());
  rule.problems.push_back({{"a.yaml", 3, 5}, "types\nthat differ"});
  CHECK_FALSE(rule.good());
  CHECK(render_checked_rule(rule, false, {}) ==
        "fails       user.get\n    a.yaml:3:5: types\\nthat differ\n");
  CHECK(render_checked_rule(rule, false, {.colour = true}).starts_with("\x1b[31mfails "));
  shadow::OnlineFindings findings;
  CHECK(render_check_summary(findings) == "0 rules\n");
  findings.rules = {rule};
  CHECK(render_check_summary(findings) == "1 rule: 1 fails\n");
  for (const auto state : {RuleState::broken, RuleState::unverified, RuleState::ready})
    findings.rules.push_back(checked(state));
  CHECK(render_check_summary(findings) == "4 rules: 1 ready, 1 fails, 1 broken, 1 unverified\n");
}

}  // namespace
}  // namespace parallax::proxy
