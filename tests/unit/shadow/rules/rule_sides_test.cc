#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

using test::compile;
using test::text;
using Texts = std::vector<std::string>;

std::vector<Value> values(const Texts& all) {
  std::vector<Value> parameters;
  for (const auto& one : all) parameters.push_back(text(one));
  return parameters;
}

std::string rule_of(const RuleSet& set, std::string_view sql) {
  const auto found = set.match(set.know(sql), {});
  return found.root ? found.root->rule->name : "";
}

TEST_CASE("a statement may be a rule's rewrite") {
  const auto set =
      compile("SELECT a FROM t WHERE b IN (:list) AND c = :c AND d = :d LIMIT 1",
              "select a from t where b = any(:list) and c in (:c) and d = :d and e = 'x'");
  const auto found =
      set.match(set.know("select a from t where b = any($1) and c in ($2) and d = $3 and e = $4"),
                values({"{p,\"q,\\\\\",NULL}", "c", "d", "x"}));
  REQUIRE(found.root);
  CHECK(found.root->side == Side::rewrite);
  const auto& names = found.root->values;
  CHECK(test::texts(names.at("list").members) == Texts{"p", "q,\\", "NULL"});
  CHECK(names.at("list").list);
  CHECK_FALSE(names.at("c").list);
  CHECK(set.rules()[0]->bind(Side::legacy, 0, names).sql ==
        "SELECT a FROM t WHERE b IN ($1, $2, $3) AND c = $4 AND d = $5 LIMIT 1");
  // A pin of the rewrite, a list where legacy has one value, no array.
  for (const auto& [sql, given] : std::map<std::string, Texts>{
           {"select a from t where b = any($1) and c in ($2) and d = $3 and e = 'y'",
            {"{p}", "c", "d"}},
           {"select a from t where b = any($1) and c in ($2, $3) and d = 1 and e = 'x'",
            {"{p}", "c", "d"}},
           {"select a from t where b = any($1) and c in ($2) and d = $3 and e = 'x'",
            {"{{p}}", "c", "d"}}}) {
    const auto other = set.match(set.know(sql), values(given));
    CHECK_FALSE(other.root);
    REQUIRE(other.shape_of);
    CHECK(other.shape_of->side == Side::rewrite);
  }
}

TEST_CASE("legacy comes before rewrites, and the first of several rewrites has it") {
  const auto set = compile({test::source("a", "select 1 from t where x = 1", "select y from u"),
                            test::source("b", "select 2 from t", "select y from u", 400),
                            test::source("c", "select y from u", "select 3", 800),
                            test::source("d", "select 4", "select 1 from t where x = 1", 1200),
                            test::source("e", "select 5", "select z from u", 1600),
                            test::source("f", "select 6", "select z from u", 2000)});
  CHECK(rule_of(set, "select y from u") == "c");
  CHECK(rule_of(set, "select z from u") == "e");
  CHECK(rule_of(set, "select 1 from t where x = 1") == "a");
}

TEST_CASE("only a rule without let and :_ has a way back") {
  const auto reversible = [](const std::string& legacy, const std::string& rewrite) {
    return compile(legacy, rewrite).rules()[0]->reversible;
  };
  CHECK(reversible("select a from t where b = :b limit 1", "select a from t where b = :b"));
  CHECK_FALSE(reversible("select a from t where b = :_", "select a from t"));
}

}  // namespace
}  // namespace parallax::shadow
