// What a rule computes between input and SQL, and what makes a rule another rule.

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

using Texts = std::vector<std::string>;

// A let stands in one line of its own, from column 9.
SourceText let(std::string sql, int line = 300) {
  return {std::move(sql), {.file = "r.yaml", .line = line, .column = 9, .block = false}};
}

RuleSource with(std::string legacy, std::string rewrite, std::map<std::string, SourceText> lets) {
  auto rule = test::source("r", std::move(legacy), std::move(rewrite));
  rule.let = std::move(lets);
  return rule;
}

Texts problems_of(std::string legacy, std::string rewrite, std::map<std::string, SourceText> lets) {
  return test::problems({with(std::move(legacy), std::move(rewrite), std::move(lets))});
}

TEST_CASE("a let is a SELECT of its expression over the names of legacy") {
  const auto set =
      test::compile({with("select a from t where b = :title and c = $2 and d in (:ids)",
                          "select a from t where b like :pattern and c = :next and d = any(:list)",
                          {{"pattern", let("'%' || :title || lower(:title) -- as the client does")},
                           {"next", let("$2::int + 1")},
                           {"list", let(":ids")}})});
  const Rule& rule = *set.rules()[0];
  REQUIRE(rule.lets.size() == 3);
  CHECK(rule.lets[0].name == "list");
  CHECK(rule.lets[1].name == "next");
  CHECK(rule.lets[1].prepared == "SELECT (\n$1::int + 1\n)");
  CHECK(rule.lets[2].prepared == "SELECT (\n'%' || $1 || lower($2) -- as the client does\n)");
  CHECK(rule.functions == Texts{"lower"});

  const NamedValues values = {{"title", {false, {test::text("x'%")}}},
                              {"$2", {false, {test::text("7")}}},
                              {"ids", {true, {test::text("1"), test::text("2")}}}};
  const auto bound = rule.bind_lets(values);
  REQUIRE(bound.size() == 3);
  CHECK(bound[0].sql == "SELECT (\n$1\n)");
  CHECK(bound[0].parameters == std::vector{test::text("{\"1\",\"2\"}")});
  CHECK(bound[1].parameters == std::vector{test::text("7")});
  CHECK(bound[2].sql == rule.lets[2].prepared);
  CHECK(bound[2].parameters == std::vector{test::text("x'%"), test::text("x'%")});
}

TEST_CASE("a subselect may be a let") {
  CHECK(problems_of("select a from t where b = :b", "select a from t where id = :id",
                    {{"id", let("select id from t where b = :b")}})
            .empty());
}

TEST_CASE("a let counts as a name that the rewrite is given") {
  CHECK(problems_of("select a from t where b = :b", "select a from t where b = :pattrn",
                    {{"pattern", let("upper(:b)")}}) ==
        Texts{"r.yaml:111:33: legacy gives no `:pattrn`: did you mean `:pattern`?",
              "r.yaml:300:9: `:pattern` is not used by the rewrite: name it there, or remove the "
              "`let`"});
  CHECK(problems_of("select a from t limit 1", "select a from t limit :n", {{"n", let("1")}})
            .empty());
}

TEST_CASE("a let is made of names of legacy only") {
  const std::string legacy = "select a from t where b = :b";
  const std::string rewrite = "select a from t where b = :x and c = :y";
  CHECK(problems_of(legacy, rewrite, {{"x", let(":b")}, {"y", let("1 + :x", 301)}}) ==
        Texts{"r.yaml:301:13: `:x` is a `let`: a `let` is made of names of legacy only"});
  CHECK(problems_of(legacy, rewrite, {{"x", let(":bb")}, {"y", let(":b", 301)}}) ==
        Texts{"r.yaml:300:9: legacy gives no `:bb`: did you mean `:b`?"});
  CHECK(problems_of(legacy, rewrite, {{"x", let(":b || :_")}, {"y", let("1", 301)}}) ==
        Texts{"r.yaml:300:15: `:_` stands for any value in legacy: a `let` needs a name or a value "
              "here"});
  CHECK(problems_of(legacy, rewrite, {{"x", let("1 in (:b, :b)")}, {"y", let("1", 301)}}) ==
        Texts{"r.yaml:300:19: two names in one list: a name stands for the whole list, write `IN "
              "(:ids)`"});
}

TEST_CASE("a let has a name of its own") {
  CHECK(problems_of("select a from t where b = :b", "select a from t where b = :b",
                    {{"b", let("upper(:b)")}}) ==
        Texts{"r.yaml:300:9: `:b` is a name of legacy: give the `let` another name"});
}

TEST_CASE("a name that neither the rewrite nor a let uses is refused") {
  CHECK(problems_of("select a from t where b = :b and c = :c", "select a from t where b = :x",
                    {{"x", let("upper(:b)")}}) ==
        Texts{"r.yaml:12:44: `:c` is not used by the rewrite: name it in the rewrite or a `let`, "
              "write its value as a pin, or `:_`"});
}

TEST_CASE("a let is one expression that only reads") {
  const auto problem = [](const std::string& sql) {
    const auto all = problems_of("select a from t where b = :b", "select a from t where b = :x",
                                 {{"x", let(sql)}});
    return all.empty() ? std::string() : all.front();
  };
  CHECK(
      problem(":b || pg_notify('a', :b)::text").starts_with("r.yaml:300:15: `pg_notify` has eff"));
  CHECK(problem(":b FROM t") == "r.yaml:300:12: syntax error at or near \"FROM\"");
  CHECK(problem(":b; delete from t").starts_with("r.yaml:300:11: syntax error"));
  CHECK(problem("with d as (delete from t returning a) select a from d where a = :b")
            .starts_with("r.yaml:300:20: this changes data"));
  CHECK(problem("lower(:b").starts_with("r.yaml:300:"));
}

TEST_CASE("the version names how results are compared, and what is wanted") {
  using namespace std::chrono_literals;
  const auto version = [](const RuleSource& rule) {
    return test::compile({rule}).rules()[0]->version;
  };
  const RuleSource base = with("select a from t where b = :b", "select a from t where b = :x",
                               {{"x", let("upper(:b)")}});
  std::vector<RuleSource> others(10, base);
  others[0].let["x"].text = "lower(:b)";
  others[1].compare.order = OrderMode::strict;
  others[2].compare.order = OrderMode::ignore;
  others[3].compare.float_tolerance = 1e-9;
  others[4].compare.clock["a"] = 5s;
  others[5].compare.clock["a"] = 6s;
  others[6].compare.treat_as_mismatch = {EqualStep::numeric_scale};
  others[7].expect.push_back({{MismatchKind::value}, std::chrono::year(2030) / 1 / 1, "w", {}});
  others[8].expect.push_back({{MismatchKind::value}, std::chrono::year(2030) / 1 / 2, "w", {}});
  others[9].compare.snapshot_only = true;
  std::set<std::string> versions = {version(base)};
  for (const RuleSource& other : others) versions.insert(version(other));
  CHECK(versions.size() == others.size() + 1);

  RuleSource reworded = others[7];
  reworded.expect[0].reason = "another wording";
  CHECK(version(reworded) == version(others[7]));
}

}  // namespace
}  // namespace parallax::shadow
