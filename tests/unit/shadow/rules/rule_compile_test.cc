#include <catch2/catch.hpp>
#include <string>

#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

using test::compile;
using test::problems;
using Texts = std::vector<std::string>;

// In test::source legacy stands in r.yaml from line 12 column 7 on, the rewrite from line 111
// column 7 on.

TEST_CASE("a good rule compiles to all that verification and replay need") {
  const auto set = compile(
      "SELECT id, \"state\"::text FROM t WHERE a = :a AND b = $4 AND c IN (CAST(:c::text AS e)) "
      "AND $4 > 0 "
      "AND d = :_ AND e = 7 ORDER BY id LIMIT :a",
      "select id, lower(\"state\") from t where a = :a and b = $4 and c = any(:c) and $4 > 0");
  REQUIRE(set.rules().size() == 1);
  const Rule& rule = *set.rules()[0];
  CHECK(rule.index == 0);
  CHECK(rule.name == "r");
  CHECK(rule.sample == 1.0);
  CHECK(rule.root().prepared ==
        "SELECT id, \"state\"::text FROM t WHERE a = $1 AND b = $2 AND c IN (CAST($3::text AS e)) "
        "AND $2 > 0 "
        "AND d = $4 AND e = 7 ORDER BY id LIMIT $5");
  CHECK(rule.rewrite.front().prepared ==
        "select id, lower(\"state\") from t where a = $1 and b = $2 and c = any($3) and $2 > 0");
  CHECK(rule.root().uncast ==
        "SELECT id, state FROM t WHERE a = $1 AND b = $2 AND c IN ($3::text::e) AND $2 > 0 AND d = "
        "$4 AND e = 7 "
        "ORDER BY id LIMIT $5");
  CHECK(rule.rewrite.front().uncast.empty());
  CHECK(rule.root().order.ordered);
  CHECK(rule.functions == Texts{"lower"});
  CHECK(rule.version.size() == 12);
}

TEST_CASE("the version names all that is compared, and nothing else") {
  const auto version = [](const RuleSource& rule) { return compile({rule}).rules()[0]->version; };
  const auto base = test::source("r", "select a, b from t", "select a, b from t2");
  auto other = base;
  other.name.text = "another";
  other.sample = 0.5;
  CHECK(version(other) == version(base));
  other = base;
  other.legacy.front().sql.text = "select a, b from t ";
  CHECK(version(other) != version(base));
  other = base;
  other.rewrite.front().sql.text = "select a, b from t3";
  CHECK(version(other) != version(base));
  other = base;
  other.ignore["b"] = {"a reason", {}};
  const auto ignored = version(other);
  CHECK(ignored != version(base));
  other.ignore["b"] = {"a better reason", {}};
  CHECK(version(other) == ignored);
  other = base;
  other.columns["b"] = {"a reason", {}};
  CHECK(version(other) != ignored);
}

TEST_CASE("casts of columns in the select list go, others stay") {
  const auto uncast = [](const std::string& sql) {
    const auto set = compile(sql, "select 1");
    return set.rules()[0]->root().uncast;
  };
  CHECK(uncast("select a from t").empty());
  CHECK(uncast("select CAST(t.a AS text) AS x, b from t") == "SELECT t.a AS x, b FROM t");
  CHECK(uncast("select (a + 1)::text, 1::int from t").empty());
  CHECK(uncast("select a from t where b::text = 'x'").empty());
  CHECK(uncast("select a::text from t union select b::text from t").empty());
  CHECK(uncast("select x.a from (select a::text from t) x").empty());
  CHECK(uncast("select \"A b\"::varchar(5) from \"T\" where 1=1 offset 0") ==
        "SELECT \"A b\" FROM \"T\" WHERE 1 = 1 OFFSET 0");
}

TEST_CASE("top-level order") {
  const auto ordered = [](const std::string& sql) {
    const auto set = compile(sql, "select 1");
    return set.rules()[0]->root().order.ordered;
  };
  CHECK(ordered("select a from t order by a"));
  CHECK(ordered("(select a from t) union select b from t order by 1"));
  CHECK_FALSE(ordered("select a from (select a from t order by a) x"));
  CHECK_FALSE(ordered("select array_agg(a order by a) from t"));
  CHECK_FALSE(ordered("select row_number() over (order by a) from t"));
}

TEST_CASE("functions of both sides, as pg_proc has them") {
  const auto set =
      compile("select COUNT(*), pg_catalog.lower(a), \"myF\"(1) from g(2) where 1 = 1",
              "select max(a) over (), (select lower('x')) from t group by extract(year from b)");
  CHECK(set.rules()[0]->functions == Texts{"count", "extract", "g", "lower", "max", "myF"});
}

TEST_CASE("names of the rewrite must be given by legacy") {
  CHECK(problems("select a from t where id = :userId", "select a from t where id = :usrId") ==
        Texts{"r.yaml:12:34: `:userId` is not used by the rewrite: name it in the rewrite or a "
              "`let`, write its "
              "value as a pin, or `:_`",
              "r.yaml:111:34: legacy gives no `:usrId`: did you mean `:userId`?"});
  CHECK(problems("select a from t where id = 1", "select a\nfrom t\n  where id = :x") ==
        Texts{"r.yaml:113:20: legacy gives no `:x`: it has no names, write a value here"});
  CHECK(problems("select a from t where id = $1 limit $2",
                 "select a from t where id = $3 limit $2") ==
        Texts{"r.yaml:12:34: `$1` is not used by the rewrite: name it in the rewrite or a `let`, "
              "write its value "
              "as a pin, or `:_`",
              "r.yaml:111:34: legacy gives no `$3`: did you mean `$1`?"});
}

TEST_CASE("every slot of legacy is named, pinned or :_") {
  CHECK(problems("select a from t limit :take", "select a from t") ==
        Texts{"r.yaml:12:29: `:take` is not used by the rewrite: name it in the rewrite or a "
              "`let`, write its "
              "value as a pin, or `:_`"});
  CHECK(problems("select a from t limit :_", "select a from t").empty());
  CHECK(problems("select a from t limit 5", "select a from t").empty());
  CHECK(problems("select a from t limit :_", "select a from t limit :_") ==
        Texts{"r.yaml:111:29: `:_` stands for any value in legacy: the rewrite needs a name or a "
              "value here"});
}

TEST_CASE("lists") {
  CHECK(problems("select a from t where id in (:a, :b)", "select a from t where id in (:a)") ==
        Texts{"r.yaml:12:40: two names in one list: a name stands for the whole list, write `IN "
              "(:ids)`"});
  CHECK(
      problems("select a from t where id in (1, $1)", "select $1") ==
      Texts{"r.yaml:12:39: a name beside constants in one list: a name stands for the whole list, "
            "write `IN (:ids)`"});
  CHECK(problems("select a from t where id in (:_)", "select 1") ==
        Texts{"r.yaml:12:36: `:_` stands for one value, not for a list: give the list a name, `IN "
              "(:ids)`"});
  CHECK(problems("select a from t where id in (:x)", "select a from t where id in (:x, :x)") ==
        Texts{"r.yaml:111:40: two names in one list: a name stands for the whole list, write `IN "
              "(:ids)`"});
  CHECK(problems("select a from t where id in (:x) and b = :x", "select :x") ==
        Texts{"r.yaml:12:48: `:x` is one value here and a list elsewhere: use two names"});
  CHECK(problems("select a from t where b = :x and id in (:x)", "select :x") ==
        Texts{"r.yaml:12:47: `:x` is a list here and one value elsewhere: use two names"});
  CHECK(problems("select a from t where id = ANY (:ids)", "select a from t where id in (:ids)") ==
        Texts{"r.yaml:111:36: `:ids` is one array in legacy: write `= any(:ids)` here"});
  CHECK(problems("select a from t where id in (1, 2)", "select 1").empty());
  CHECK(problems("select a from t where id in (NULL)", "select 1").empty());
  CHECK(problems("select a from t where id = :x", "select a from t where id in (:x)").empty());
}

TEST_CASE("only one SELECT") {
  CHECK(problems("", "select 1") ==
        Texts{"r.yaml:12:7: there is no statement here: write one SELECT"});
  CHECK(problems("-- nothing\n", "select 1") ==
        Texts{"r.yaml:12:7: there is no statement here: write one SELECT"});
  CHECK(problems("select 1;\n select 2", "select 1") ==
        Texts{"r.yaml:13:8: a second statement: a rule's SQL is one SELECT"});
  CHECK(problems("select 1", "\n  update t set a = 1") ==
        Texts{"r.yaml:112:9: only a SELECT can be replayed, this is UPDATE"});
  CHECK(problems("select 1", "explain select 1") ==
        Texts{"r.yaml:111:7: only a SELECT can be replayed, this is EXPLAIN"});
  CHECK(problems("select 1", "set a = 1") ==
        Texts{"r.yaml:111:7: only a SELECT can be replayed, this is VARIABLESET"});
  CHECK(problems("select 1;", "table t;").empty());
  CHECK(problems("select 1", "values (1), (2)").empty());
}

TEST_CASE("nothing that writes or locks, at any depth") {
  CHECK(problems("select 1", "select a into b from t") ==
        Texts{"r.yaml:111:16: SELECT INTO creates a table: remove INTO"});
  const std::string locking =
      ": a locking clause (FOR UPDATE, FOR SHARE, ...) cannot be replayed read-only: remove it";
  CHECK(problems("select a from t for update", "select 1") == Texts{"r.yaml:12:23" + locking});
  CHECK(problems("select 1", "select a from (select a from t for key share) x") ==
        Texts{"r.yaml:111:38" + locking});
  CHECK(problems("select 1", "(select a from t) union all (select b from t for no key update)") ==
        Texts{"r.yaml:111:52" + locking});
  const std::string change =
      ": this changes data: a rule may only read, so write a SELECT without it";
  CHECK(problems("select 1", "with w as (delete from t returning a) select a from w") ==
        Texts{"r.yaml:111:18" + change});
  CHECK(problems(
            "select 1",
            "select 1 from (with w as (insert into t values (1) returning a) select a from w) x") ==
        Texts{"r.yaml:111:33" + change});
  CHECK(problems("select 1", "with w as (update t set a = 1 returning a) select a from w") ==
        Texts{"r.yaml:111:18" + change});
}

TEST_CASE("syntax errors have their place in the file") {
  CHECK(problems("select a from\n  wher id = 1", "select 1") ==
        Texts{"r.yaml:13:17: syntax error at or near \"=\""});
  CHECK(problems("select 'é', :a from t order limit :a", "select :a") ==
        Texts{"r.yaml:12:36: syntax error at or near \"limit\""});
  CHECK(problems("select a from t where :a :b", "select :a, :b") ==
        Texts{"r.yaml:12:32: syntax error at or near \":b\""});
  CHECK(problems("select 'abc", "select 1") ==
        Texts{"r.yaml:12:14: unterminated quoted string at or near \"'abc\""});
  CHECK(problems("select 1", "select $99999") ==
        Texts{"r.yaml:111:14: parameter number out of range"});
}

TEST_CASE("a name after a word keeps its distance") {
  const auto set = compile("select a from t limit:n", "select a from t limit:n");
  CHECK(set.rules()[0]->rewrite.front().prepared == "select a from t limit $1");
  CHECK(set.rules()[0]
            ->bind(Side::rewrite, 0, {{"n", {.list = false, .members = {test::text("3")}}}})
            .sql == "select a from t limit $1");
}

TEST_CASE("huge texts are refused before the parser's recursion") {
  std::string terms = "select 1";
  for (int i = 0; i < 5'100; ++i) terms += "+1";
  CHECK(problems("select 1", terms) == Texts{"r.yaml:111:7: the statement is too long for a rule "
                                             "(more than 65536 bytes or 10000 words)"});
  CHECK(problems("select 1", "select '" + std::string(70'000, 'x') + "'").size() == 1);
  terms.resize(8 + 2 * 4'900);
  CHECK(problems("select 1", terms) ==
        Texts{"r.yaml:111:7: expressions are nested too deeply for a rule"});
  terms.resize(8 + 2 * 400);
  CHECK(problems("select 1", terms + " , a::text").empty());
}

TEST_CASE("reasons and columns") {
  auto rule = test::source("r", "select a, b from t", "select a from t");
  rule.ignore["b"] = {" ", {.file = "r.yaml", .line = 30, .column = 10, .block = false}};
  rule.columns["b"] = {"x", {.file = "r.yaml", .line = 40, .column = 10, .block = false}};
  rule.columns["a"] = {"", {.file = "r.yaml", .line = 41, .column = 10, .block = false}};
  CHECK(problems({rule}) ==
        Texts{"r.yaml:30:10: `ignore` of \"b\" needs a reason: say why",
              "r.yaml:40:10: column \"b\" is under `ignore` as well: remove one of the two",
              "r.yaml:41:10: `columns` of \"a\" needs the rewrite's label, table.column or "
              "expression"});
}

TEST_CASE("all problems of all rules are told") {
  CHECK(problems({test::source("c", "select :y", "delete from t", 500),
                  test::source("a", "selec", "select :x", 10),
                  test::source("b", "select 1", "select 1", 300)}) ==
        Texts{"r.yaml:12:7: syntax error at or near \"selec\"",
              "r.yaml:111:14: legacy gives no `:x`: it has no names, write a value here",
              "r.yaml:502:14: `:y` is not used by the rewrite: name it in the rewrite or a `let`, "
              "write its "
              "value as a pin, "
              "or `:_`",
              "r.yaml:601:7: only a SELECT can be replayed, this is DELETE"});
}

TEST_CASE("rules that one statement could match are refused") {
  const auto two = [](const std::string& first, const std::string& second) {
    const auto names = [](const std::string& sql) {
      std::string rewrite = "select 1";
      for (const char* name : {":x", ":y"}) {
        if (sql.find(name) != std::string::npos) rewrite += std::string(", ") + name;
      }
      return rewrite;
    };
    return problems({test::source("a", first, names(first), 10),
                     test::source("b", second, names(second), 500)});
  };
  CHECK(two("select a from t where id = :x", "SELECT a FROM t WHERE id = :y") ==
        Texts{"r.yaml:501:7: a statement could match both `b` and `a` (r.yaml:11:7): pin different "
              "values at "
              "one place of both, or remove one of them"});
  const std::string sql = "select a from t where id in (";
  CHECK(two("select a from t limit 1", "select a from t limit :x").size() == 1);
  CHECK(two("select a from t limit 1", "select a from t limit :_").size() == 1);
  CHECK(two("select a from t limit 1", "select a from t limit 1.0").size() == 1);
  CHECK(two("select a from t limit 1", "select a from t limit '01'").size() == 1);
  CHECK(two("select a from t where b = true", "select a from t where b = 't'").size() == 1);
  CHECK(two("select a from t where b = true", "select a from t where b = 1").size() == 1);
  CHECK(
      two("select a from t where b = 'x' limit 1", "select a from t where b = :x limit 1").size() ==
      1);
  CHECK(
      two("select a from t where b = :x limit 1", "select a from t where b = 5 limit :y").size() ==
      1);
  CHECK(two(sql + "1, 2)", sql + ":x)").size() == 1);
  CHECK(two(sql + "1, 2)", sql + "1, 2.0)").size() == 1);
  CHECK(two(sql + "NULL)", sql + "NULL)").size() == 1);

  CHECK(two("select a from t limit 1", "select a from t limit 2").empty());
  CHECK(
      two("select a from t where b = :x limit 1", "select a from t where b = :x limit 2").empty());
  CHECK(two("select a from t where b = true", "select a from t where b = false").empty());
  CHECK(two("select a from t where b = true", "select a from t where b = 5").empty());
  CHECK(two("select a from t where b = null", "select a from t where b = 'null'").empty());
  CHECK(two("select a from t where b = '1'", "select a from t where b = '01'").empty());
  CHECK(two(sql + "1, 2)", sql + "1, 3)").empty());
  CHECK(two(sql + "1, 2)", sql + "1)").empty());
  CHECK(two(sql + "NULL)", sql + "1)").empty());
  CHECK(two("select a from t where id = :x", "select a from t where id in (:x)").empty());
}

TEST_CASE("one name, one rule") {
  CHECK(
      problems({test::source("a", "select 1", "select 1", 10),
                test::source("a", "select a from t", "select 1", 300)}) ==
      Texts{"r.yaml:300:3: a second rule `a`; the first is at r.yaml:10:3: give it another name"});
}

}  // namespace
}  // namespace parallax::shadow
