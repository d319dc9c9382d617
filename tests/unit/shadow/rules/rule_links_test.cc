// Operations of several statements: what links mean, and which are refused.

#include "shadow/rules/rule_links.h"

#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

using test::compile;
using test::null;
using test::problems;
using test::source;
using test::text;
using Texts = std::vector<std::string>;

// Statements in the lines after 20, 30, ...; the rewrite after 110.
RuleSource several(std::vector<std::pair<std::string, std::string>> statements,
                   std::string rewrite = "select 1") {
  auto rule = source("r", "", std::move(rewrite));
  rule.legacy.clear();
  int line = 20;
  for (auto& [name, sql] : statements) {
    rule.legacy.push_back(
        {name, {std::move(sql), {.file = "r.yaml", .line = line, .column = 7, .block = true}}});
    line += 10;
  }
  return rule;
}

const char* const kUser = "SELECT id, name FROM users WHERE id = :id LIMIT 1 OFFSET 0";
const char* const kMemberships =
    "SELECT m.id, m.\"userId\", m.role FROM m WHERE m.\"userId\" IN (:user.id) OFFSET 0";
const char* const kRoles =
    "SELECT id, name FROM roles WHERE id IN (CAST(:memberships.role AS int))";

Texts refused(std::vector<std::pair<std::string, std::string>> statements,
              std::string rewrite = "select 1") {
  return problems({several(std::move(statements), std::move(rewrite))});
}

TEST_CASE("statements come in the order of their links") {
  const auto set = compile(
      {several({{"roles", kRoles}, {"memberships", kMemberships}, {"user", kUser}}, "select :id")});
  const auto& legacy = set.rules().front()->legacy;
  REQUIRE(legacy.size() == 3);
  CHECK(legacy[0].name == "user");
  CHECK_FALSE(legacy[0].link);
  CHECK(legacy[1].name == "memberships");
  CHECK(legacy[1].link->parent == 0);
  CHECK(legacy[1].link->parent_column == "id");
  CHECK(legacy[1].link->column == 1);
  CHECK(legacy[2].name == "roles");
  CHECK(legacy[2].link->parent == 1);
  CHECK(legacy[2].link->list_name == "memberships.role");
  CHECK(legacy[2].prepared == "SELECT id, name FROM roles WHERE id IN (CAST($1 AS int))");
}

TEST_CASE("the label of a linked column keeps its case, and may be quoted") {
  const auto set = compile({several({{"a", "SELECT \"strange label\", \"userId\" FROM a"},
                                     {"b", "SELECT id FROM b WHERE id IN (:a.\"strange label\")"},
                                     {"c", "SELECT id FROM c WHERE id IN (:a.userId)"}})});
  const auto& legacy = set.rules().front()->legacy;
  CHECK(legacy[1].link->parent_column == "strange label");
  CHECK(legacy[2].link->parent_column == "userId");
}

TEST_CASE("links that lead nowhere are refused") {
  CHECK(problems("select id from t where id in (:user.id)", "select 1") ==
        Texts{"r.yaml:12:37: `:user.id` is a link to a statement `user`, and `legacy` is one "
              "statement without a name: write `legacy:` as a map of names and statements"});
  CHECK(problems("select 1", "select a from t where id in (:user.id)") ==
        Texts{"r.yaml:111:36: `:user.id` is a link to a statement `user`, and `rewrite` is one "
              "statement without a name: write `rewrite:` as a map of names and statements"});
  CHECK(
      refused({{"user", "SELECT id FROM u"}, {"m", "SELECT id FROM m WHERE id IN (:users.id)"}}) ==
      Texts{"r.yaml:31:37: `:users.id`: legacy has no statement `users`, it has `user`, `m`"});
  CHECK(refused({{"a", "SELECT id FROM a"}, {"b", "SELECT id FROM b"}}) ==
        Texts{"r.yaml:31:7: `b` and `a` have no link: nothing says that they are one operation; "
              "write `IN (:a.column)` in one of them, or two rules"});
  CHECK(refused({{"a", "SELECT id FROM a WHERE id IN (:b.id)"},
                 {"b", "SELECT id FROM b WHERE id IN (:a.id)"}}) ==
        Texts{"r.yaml:21:7: every statement has a link: none is first"});
  CHECK(refused({{"a", "SELECT id FROM a"},
                 {"b", "SELECT id FROM b WHERE id IN (:c.id)"},
                 {"c", "SELECT id FROM c WHERE id IN (:b.id)"}}) ==
        Texts{"r.yaml:31:7: `b` is linked in a circle: no way leads to it",
              "r.yaml:41:7: `c` is linked in a circle: no way leads to it"});
}

TEST_CASE("a link is a whole list, of a column in the select list") {
  const auto second = [](const std::string& sql) {
    return refused({{"a", "SELECT id FROM a"}, {"b", sql}});
  };
  CHECK(second("SELECT id FROM b WHERE id = ANY(ARRAY[:a.id])") ==
        Texts{"r.yaml:31:45: a link is a whole list: write `IN (:a.id)`"});
  for (const char* sql : {"SELECT id FROM b WHERE id > :a.id", "SELECT id FROM b WHERE 1 = :a.id",
                          "SELECT id FROM b WHERE id = any(:a.id)", "SELECT id FROM b LIMIT :a.id",
                          "SELECT id FROM b WHERE id <> :a.id", "SELECT id, :a.id FROM b"}) {
    CAPTURE(sql);
    CHECK(second(sql).size() == 1);
  }
  CHECK(second("SELECT id FROM b WHERE id IN (:a.id) AND x IN (:a.x)") ==
        Texts{"r.yaml:31:54: a second link: a statement has one parent"});
  CHECK(second("SELECT x FROM b WHERE id IN (:a.id)") ==
        Texts{"r.yaml:31:36: the select list has no id: without it nobody can say which rows "
              "belong to which parent"});
  CHECK(second("SELECT id FROM b WHERE lower(id) IN (:a.id)") ==
        Texts{"r.yaml:31:44: a link belongs to a column: write `\"table\".\"column\" IN "
              "(:parent.column)`, or `= :parent.column` where there is one parent"});
  CHECK(second("SELECT id FROM b WHERE id NOT IN (:a.id)").size() == 1);
  // It is another value in each statement, and no name.
  CHECK(second("SELECT id FROM b WHERE id IN (:a.id) AND x = $1").size() == 2);
}

TEST_CASE("a link of one value, as Prisma's findUnique has it") {
  const auto set = compile({several(
      {{"a", "SELECT id FROM a"}, {"b", "SELECT x, b.owner FROM b WHERE b.owner = :a.id"}})});
  const Rule& rule = *set.rules().front();
  REQUIRE(rule.legacy[1].link);
  CHECK(rule.legacy[1].link->column == 1);
  CHECK(rule.legacy[1].prepared == "SELECT x, b.owner FROM b WHERE b.owner = $1");

  const std::vector<Value> given{Value{.bytes = "{1,2}"}};
  const auto found = RuleSet::match(set.know("select x, b.owner from b where b.owner = $1"), given);
  REQUIRE(found.children.size() == 1);
  const auto& list = found.children[0].values.at("a.id");
  CHECK(list.list);
  REQUIRE(list.members.size() == 1);
  CHECK(list.members[0].bytes == "{1,2}");  // a value, whatever it looks like
  CHECK(RuleSet::match(set.know("select x, b.owner from b where b.owner in ($1)"), given)
            .children.empty());

  const auto bound = [&](const std::vector<Value>& members) {
    return rule.bind(Side::legacy, 1, {{"a.id", {true, members}}});
  };
  CHECK(bound(given).sql == rule.legacy[1].prepared);
  CHECK(bound({}).sql == "SELECT x, b.owner FROM b WHERE b.owner = NULL");
  const auto two = bound({Value{.bytes = "1"}, Value{.bytes = "2"}});
  CHECK(two.sql == "SELECT x, b.owner FROM b WHERE b.owner = ANY ($1)");
  REQUIRE(two.parameters.size() == 1);
  CHECK(two.parameters[0].bytes == "{\"1\",\"2\"}");
}

TEST_CASE("a list of one parent may come as one value") {
  const auto set = compile({several(
      {{"a", "SELECT id FROM a"},
       {"b", "SELECT x, owner FROM b WHERE (owner IN (CAST(:a.id AS int)) AND y = 1) LIMIT 2"}})});
  const auto found = RuleSet::match(
      set.know("SELECT x, owner FROM b WHERE (owner = CAST($1 AS int) AND y = 1) LIMIT 2"),
      std::vector<Value>{Value{.bytes = "7"}});
  REQUIRE(found.children.size() == 1);
  CHECK(found.children[0].place.statement == 1);
  const auto& list = found.children[0].values.at("a.id");
  CHECK(list.list);
  REQUIRE(list.members.size() == 1);
  CHECK(list.members[0].bytes == "7");
  const auto matches = [&](const std::string& sql) {
    return RuleSet::match(set.know(sql), std::vector<Value>{Value{.bytes = "7"}}).children.size();
  };
  CHECK(matches("SELECT x, owner FROM b WHERE (owner IN (CAST($1 AS int)) AND y = 1) LIMIT 2") ==
        1);
  CHECK(matches("SELECT x, owner FROM b WHERE (owner = CAST($1 AS int) AND y = 2) LIMIT 2") == 0);
  CHECK(matches("SELECT x, owner FROM b WHERE (owner <> CAST($1 AS int) AND y = 1) LIMIT 2") == 0);
}

TEST_CASE("an order that means nothing names a statement") {
  auto rule = several({{"user", kUser}}, "select :id");
  rule.compare.unordered_statements = {{"user", {"r.yaml", 40, 3}}};
  CHECK(problems({rule}).empty());
  rule.compare.unordered_statements = {{"users", {"r.yaml", 40, 3}}};
  CHECK(problems({rule}) == Texts{"r.yaml:40:3: `order`: legacy has no statement `users`"});
}

TEST_CASE("a statement may be a child of several rules, and a root") {
  auto first = several({{"user", kUser}, {"memberships", kMemberships}}, "select :id");
  auto second = several({{"team", "SELECT id FROM teams WHERE id = :id"},
                         {"memberships",
                          "SELECT m.id, m.\"userId\", m.role FROM m WHERE "
                          "m.\"userId\" IN (:team.id) OFFSET 0"}},
                        "select :id");
  second.name.text = "second";
  auto third = source("third",
                      "SELECT m.id, m.\"userId\", m.role FROM m WHERE m.\"userId\" IN "
                      "(:ids) OFFSET 0",
                      "select a from m where b in (:ids)");
  const auto set = compile({first, second, third});
  const auto known = set.know(
      "SELECT m.id, m.\"userId\", m.role FROM m WHERE m.\"userId\" IN "
      "($1, $2) OFFSET $3");
  const std::vector<Value> parameters{text("a"), null(), text("0")};
  const auto found = RuleSet::match(known, parameters);
  REQUIRE(found.root);
  CHECK(found.root->rule->name == "third");
  REQUIRE(found.children.size() == 2);
  CHECK(found.children[0].place.rule->name == "r");
  CHECK(found.children[0].values.at("user.id").members.size() == 2);
  CHECK(found.children[1].place.rule->name == "second");
  // Another pin is another statement.
  const std::vector<Value> other{text("a"), null(), text("5")};
  CHECK(RuleSet::match(known, other).children.empty());
  // Nobody's list.
  const auto empty =
      set.know("SELECT m.id, m.\"userId\", m.role FROM m WHERE m.\"userId\" IN (NULL) OFFSET 0");
  CHECK(RuleSet::match(empty, {}).children.at(0).values.at("user.id").members.empty());
}

TEST_CASE("a child is written again with another list") {
  const auto set = compile(
      {several({{"a", "SELECT id FROM a WHERE id = :id"},
                {"b", "SELECT id, x FROM b WHERE id IN (CAST(:a.id AS uuid)) AND x = :x LIMIT :_"}},
               "select :id, :x")});
  const auto& rule = *set.rules().front();
  const auto found = RuleSet::match(
      set.know("SELECT id, x FROM b WHERE id IN (CAST($1 AS uuid)) AND x = $2 LIMIT $3"),
      std::vector<Value>{text("k"), text("y"), text("7")});
  REQUIRE(found.children.size() == 1);
  auto values = found.children.front().values;
  auto& list = values["a.id"];
  list.members = {text("p"), text("q")};
  const auto bound = rule.bind(Side::legacy, 1, values);
  CHECK(bound.sql ==
        "SELECT id, x FROM b WHERE id IN (CAST($1 AS uuid), CAST($2 AS uuid)) AND "
        "x = $3 LIMIT $4");
  CHECK(test::texts(bound.parameters) == Texts{"p", "q", "y", "7"});
  list.members.clear();
  CHECK(rule.bind(Side::legacy, 1, values).sql ==
        "SELECT id, x FROM b WHERE id IN (NULL) AND x = $1 LIMIT $2");
}

TEST_CASE("a rule's version follows its statements and their names") {
  const auto version = [](std::vector<std::pair<std::string, std::string>> statements) {
    return compile({several(std::move(statements), "select :id")}).rules().front()->version;
  };
  const auto one = version({{"user", kUser}, {"memberships", kMemberships}});
  CHECK(one == version({{"user", kUser}, {"memberships", kMemberships}}));
  CHECK(one != version({{"user", kUser}}));
  CHECK(one != version({{"user", kUser}, {"m", kMemberships}}));
}

}  // namespace
}  // namespace parallax::shadow
