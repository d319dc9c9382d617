#include "shadow/learn/proposal.h"

#include <set>

#include "shadow/learn/rewrites_file.h"
#include "shadow/learn/rule_yaml.h"
#include "tests/unit/shadow/learn/support.h"
#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow::test {
namespace {

const std::string kUser =
    R"(SELECT "public"."users"."id", "public"."users"."name" FROM "public"."users" WHERE "public"."users"."id" = $1 LIMIT $2 OFFSET $3)";
const std::string kDrizzleUser = R"(select "id", "name" from "users" where "users"."id" = $1)";

std::string user(int i) { return "usr_" + std::to_string(i); }
std::string person(int i) { return "Person " + std::to_string(i); }

void add_users(Traffic& traffic, int count, const std::string& rewrite = kDrizzleUser) {
  for (int i = 0; i < count; ++i)
    traffic.legacy(kUser, {user(i), "1", "0"}, {{user(i), person(i)}});
  for (int i = 0; i < count; ++i) traffic.rewrite(rewrite, {user(i)}, {{user(i), person(i)}});
}

TEST_CASE("learn: equal values get a name, constants that the rewrite does not have are pins") {
  Traffic traffic;
  add_users(traffic, 4);
  const auto rule = traffic.only_rule();
  CHECK(rule.problems.empty());
  CHECK(rule.name == "users.findUnique");
  CHECK(
      rule.legacy.front().sql ==
      R"(SELECT "public"."users"."id", "public"."users"."name" FROM "public"."users" WHERE "public"."users"."id" = :id LIMIT 1 OFFSET 0)");
  CHECK(rule.rewrite == R"(select "id", "name" from "users" where "users"."id" = :id)");
  CHECK(rule.let.empty());
}

TEST_CASE("learn: a rewrite with other rows is no answer") {
  Traffic traffic;
  for (int i = 0; i < 4; ++i) {
    traffic.legacy(kUser, {user(i), "1", "0"}, {{user(i), person(i)}});
    traffic.rewrite(kDrizzleUser, {user(i)}, {{user(i), "Somebody"}});
  }
  const auto rule = traffic.only_rule();
  CHECK(rule.rewrite.empty());
  // It is a comment, and the file loads.
  CHECK(rules_yaml({rule}).find("\nrules: {}\n") != std::string::npos);
}

TEST_CASE("learn: rows of other users with the same name do not make an answer of another value") {
  Traffic traffic;
  for (int i = 0; i < 4; ++i) {
    traffic.legacy(kUser, {user(i), "1", "0"}, {{"same", "rows"}});
    traffic.rewrite(kDrizzleUser, {"other_" + std::to_string(i)}, {{"same", "rows"}});
  }
  CHECK(traffic.only_rule().rewrite.empty());
}

TEST_CASE("learn: with the same tag a rewrite with other rows is proposed, and that is told") {
  Traffic traffic;
  for (int i = 0; i < 4; ++i) {
    traffic.legacy(kUser, {user(i), "1", "0"}, {{user(i), person(i)}}, "user.byId");
    traffic.rewrite(kDrizzleUser, {user(i)}, {{user(i), i == 3 ? person(i) : "wrong"}},
                    "user.byId");
  }
  const auto rule = traffic.only_rule();
  CHECK(rule.name == "user.byId");
  CHECK(rule.problems.empty());
  REQUIRE(!rule.evidence.empty());
  CHECK(rule.evidence.front().find("1 call of the rewrite") == 0);
  CHECK(rule.evidence.front().find("; 3 gave something else") != std::string::npos);
}

TEST_CASE("learn: pages that vary are names, and one call alone makes no pin of what both have") {
  Traffic traffic;
  const std::string legacy = "SELECT t.id FROM t ORDER BY t.id LIMIT $1 OFFSET $2";
  const std::string rewrite = "select id from t order by id limit $1";
  traffic.legacy(legacy, {"5", "0"}, {{"1"}, {"2"}});
  traffic.rewrite(rewrite, {"5"}, {{"1"}, {"2"}});
  CHECK(traffic.only_rule().legacy.front().sql ==
        "SELECT t.id FROM t ORDER BY t.id LIMIT :limit OFFSET 0");
  traffic.legacy(legacy, {"5", "0"}, {{"1"}, {"2"}}).legacy(legacy, {"1", "0"}, {{"1"}});
  traffic.rewrite(rewrite, {"5"}, {{"1"}, {"2"}}).rewrite(rewrite, {"1"}, {{"1"}});
  CHECK(traffic.only_rule().rewrite == "select id from t order by id limit :limit");
}

TEST_CASE(
    "learn: a text that is the same in all calls is a name, not a pin, where the rewrite has it") {
  Traffic traffic;
  const std::string legacy = "SELECT t.a FROM t WHERE t.email = $1 AND t.kind = $2 AND t.n = $3";
  const std::string rewrite = "select a from t where email = $1 and kind = $2 and n = $3";
  for (const char* n : {"1", "2", "3"}) {
    traffic.legacy(legacy, {"ann@example.test", "OPEN", n}, {{n}});
    traffic.rewrite(rewrite, {"ann@example.test", "OPEN", n}, {{n}});
  }
  const auto rule = traffic.only_rule();
  CHECK(rule.legacy.front().sql ==
        "SELECT t.a FROM t WHERE t.email = :email AND t.kind = 'OPEN' AND t.n = :n");
  CHECK(rules_yaml({rule}).find("example.test") == std::string::npos);
}

TEST_CASE(
    "learn: a value that varies and that the rewrite does not have is for a person to decide") {
  Traffic traffic;
  const std::string legacy = "SELECT t.a FROM t WHERE t.id = $1 AND t.seen > $2";
  for (int i = 0; i < 4; ++i) {
    traffic.legacy(legacy, {user(i), "2024-01-0" + std::to_string(i + 1)}, {{user(i)}});
    traffic.rewrite("select a from t where id = $1", {user(i)}, {{user(i)}});
  }
  const auto rule = traffic.only_rule();
  REQUIRE(rule.problems.size() == 1);
  CHECK(rule.problems.front().find("`:seen` varies") == 0);
  const auto yaml = rules_yaml({rule});
  CHECK(yaml.find("\nrules: {}\n") != std::string::npos);
  CHECK(yaml.find("# To do: `:seen` varies") != std::string::npos);
  CHECK(yaml.find("2024") == std::string::npos);
}

TEST_CASE("learn: patterns become a let") {
  Traffic traffic;
  for (const char* text : {"flip", "ball", "it's"}) {
    traffic.legacy(
        "SELECT t.a FROM t WHERE (t.title ILIKE ('%' || $1 || '%') OR t.name LIKE ($2 || '%'))",
        {text, text}, {{text}});
    traffic.rewrite("select a from t where (title ilike $1 or name like $2)",
                    {"%" + std::string(text) + "%", std::string(text) + "%"}, {{text}});
  }
  const auto rule = traffic.only_rule();
  CHECK(rule.problems.empty());
  using Lets = std::vector<std::pair<std::string, std::string>>;
  CHECK(rule.let == Lets{{"titleLike", "'%' || :title || '%'"}, {"nameLike", ":name || '%'"}});
  CHECK(rule.rewrite == "select a from t where (title ilike :titleLike or name like :nameLike)");
}

TEST_CASE("learn: a value at two places of legacy of which the rewrite has one is one name") {
  Traffic traffic;
  for (int i = 0; i < 3; ++i) {
    traffic.legacy("SELECT t.a FROM t WHERE t.id = $1 OR t.parent = $2", {user(i), user(i)},
                   {{user(i)}});
    traffic.rewrite("select a from t where $1 in (id, parent)", {user(i)}, {{user(i)}});
  }
  const auto rule = traffic.only_rule();
  CHECK(rule.problems.empty());
  CHECK(rule.legacy.front().sql == "SELECT t.a FROM t WHERE t.id = :id OR t.parent = :id");
}

TEST_CASE("learn: expressions pair by their values") {
  Traffic traffic;
  for (int i = 1; i < 5; ++i) {
    const auto id = std::to_string(i);
    const auto most = std::to_string(10 * i);
    traffic.legacy("SELECT COUNT(*) AS \"_count\", MAX(t.n) AS \"_max$n\" FROM t WHERE t.id = $1",
                   {id}, {{id, most}});
    traffic.rewrite("select max(n), count(*) from t where id = $1", {id}, {{most, id}});
  }
  const auto rule = traffic.only_rule();
  CHECK(rule.problems.empty());
  using Columns = std::vector<std::pair<std::string, std::string>>;
  CHECK(rule.columns == Columns{{"_count", "count(*)"}, {"_max$n", "max(n)"}});
}

TEST_CASE("learn: a column without a counterpart is told, never ignored by itself") {
  Traffic traffic;
  for (int i = 0; i < 3; ++i) {
    traffic.legacy("SELECT t.id, t.n, t.m, t.extra FROM t WHERE t.id = $1", {user(i)},
                   {{user(i), "1", "2", "x" + std::to_string(i)}});
    traffic.rewrite("select id, n, m from t where id = $1", {user(i)}, {{user(i), "1", "2"}});
  }
  const auto rule = traffic.only_rule();
  CHECK(rule.without_pair == std::vector<std::string>{"extra"});
  const auto yaml = rules_yaml({rule});
  CHECK(yaml.find("    #   extra: 'why it does not matter'") != std::string::npos);
  CHECK(yaml.find("\n    ignore:") == std::string::npos);
}

TEST_CASE("learn: what a rule covers is not proposed again") {
  Traffic traffic;
  add_users(traffic, 3);
  const auto known = compile(
      R"(SELECT "public"."users"."id", "public"."users"."name" FROM "public"."users" WHERE "public"."users"."id" = :a LIMIT :b OFFSET :_)",
      R"(select "id", "name" from "users" where id = :a limit :b)");
  auto taken = traffic.take();
  const auto proposals = propose_rules(taken, known, std::chrono::seconds(2));
  CHECK(proposals.rules.empty());
  CHECK(proposals.uses[0].covered_by == std::vector<std::string>{"r"});
}

TEST_CASE("learn: rewrites that were written down are found by their tag, and that is told") {
  Traffic traffic;
  for (int i = 0; i < 3; ++i) {
    const auto text = std::to_string(i);
    traffic.legacy(kUser, {user(i), "1", "0"}, {{user(i), text}}, "user.byId");
  }
  const auto read = read_rewrites(
      R"([{"operation": "user.byId", "sql": "select \"id\", \"name\" from \"users\" where \"users\".\"id\" = $1", "params": ["usr_1"]}])");
  REQUIRE(add_rewrites(std::get<0>(read), traffic.log()).empty());
  const auto rule = traffic.only_rule();
  CHECK(rule.problems.empty());
  CHECK(rule.rewrite == R"(select "id", "name" from "users" where "users"."id" = :id)");
  CHECK(rule.evidence.front().find("the results were not compared") != std::string::npos);
}

TEST_CASE("learn: mistakes in a file of rewrites") {
  for (const auto& [json, message] : std::vector<std::pair<std::string, std::string>>{
           {"{", "parse error"},
           {"{}", "write a list"},
           {R"([{"sql": "select 1"}])", "entry 1: `operation` is missing"},
           {R"([{"operation": "a"}])", "entry 1: `sql` is missing"},
           {R"([{"operation": "a", "sql": "select 1", "parms": []}])", "unknown key `parms`"},
           {R"([{"operation": "a", "sql": 1}])", "`sql` is a text"},
           {R"([{"operation": "a", "sql": "select 1", "params": "x"}])", "`params` is a list"}}) {
    CAPTURE(json);
    const auto read = read_rewrites(json);
    REQUIRE(std::holds_alternative<std::string>(read));
    CHECK(std::get<std::string>(read).find(message) != std::string::npos);
  }
  StatementLog log;
  const auto broken = read_rewrites(R"([{"operation": "a", "sql": "select 'x"}])");
  CHECK(add_rewrites(std::get<0>(broken), log).find("entry 1: `sql`, byte ") == 0);
}

}  // namespace
}  // namespace parallax::shadow::test
