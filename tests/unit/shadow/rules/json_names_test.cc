// The names in `compare: {json: …}`, and `compare: {select: …}`.

#include "shadow/rules/json_names.h"

#include "shadow/rules/rewrite_select.h"
#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

using test::compile;
using test::problems;
using test::source;
using Texts = std::vector<std::string>;

SourceMark at(int line) { return {.file = "r.yaml", .line = line, .column = 9}; }
JsonMember value(std::string name, int line = 300) {
  std::string key = name == kNoValue ? "" : name.substr(name.rfind('.') + 1);
  return {.key = std::move(key), .name = std::move(name), .members = {}, .mark = at(line)};
}
JsonMember child(std::string key, std::string name, bool each, std::vector<JsonMember> members,
                 int line = 200) {
  return {.key = std::move(key),
          .name = std::move(name),
          .child = true,
          .each = each,
          .members = std::move(members),
          .mark = at(line)};
}

RuleSource profile(std::vector<JsonMember> json) {
  auto rule = source("r", "", "select id, name, m from t where id = :id");
  rule.legacy = {
      {"user", {"SELECT id, name FROM users WHERE id = :id", at(20)}},
      {"m", {"SELECT id, \"userId\", role FROM m WHERE \"userId\" IN (:user.id)", at(30)}},
      {"roles", {"SELECT id, name FROM roles WHERE id IN (:m.role)", at(40)}}};
  rule.compare.json = std::move(json);
  return rule;
}

Texts refused(std::vector<JsonMember> json) { return problems({profile(std::move(json))}); }

TEST_CASE("children stand where their links say") {
  CHECK(refused({child("data", "m", true,
                       {value("id"), value("_"), value("_"), value("user.name"),
                        child("role", "roles", false, {value("id"), value("name")})})})
            .empty());
  CHECK(refused({child("m", "m", true, {value("id")}),
                 child("role", "role", false, {value("id")}, 201)}) ==
        Texts{"r.yaml:201:9: `role`: legacy has no statement of this name, it has `user`, `m`, "
              "`roles`; where the key is another, write `{of: statement, one: […]}`"});
  CHECK(refused({child("roles", "roles", true, {value("id")})}) ==
        Texts{"r.yaml:200:9: `roles` is linked to `m`: it stands among the values of `m`, not of "
              "`user`"});
  CHECK(refused({child("m", "m", true, {child("again", "m", true, {value("id")}, 201)})}) ==
        Texts{"r.yaml:201:9: `m` stands twice under `json`"});
  CHECK(refused({child("user", "user", false, {value("id")})}).empty());
  CHECK(refused({child("user", "user", true, {value("id")})}) ==
        Texts{"r.yaml:200:9: `user` is the root: it is a column of its own, and one for each row"});
}

TEST_CASE("what is named twice is refused") {
  CHECK(refused({child("m", "m", true, {value("id"), value("id", 301)})}) ==
        Texts{"r.yaml:301:9: `id` stands here twice",
              "r.yaml:301:9: legacy column \"m.id\" stands twice under `json`"});
  CHECK(refused({child("m", "m", true,
                       {value("roles.name"), child("r", "roles", false, {value("name", 301)})})}) ==
        Texts{"r.yaml:301:9: legacy column \"roles.name\" stands twice under `json`"});
  auto rule = profile({child("m", "m", true, {value("id"), value("role")})});
  rule.ignore["m.id"] = {"why", at(50)};
  rule.columns["m.role"] = {"x", at(51)};
  rule.columns["user.name"] = {"m", at(52)};
  CHECK(problems({rule}) ==
        Texts{"r.yaml:52:9: `columns` of \"user.name\": \"m\" is read as JSON, see `json`",
              "r.yaml:300:9: \"m.id\" is under `ignore` as well: remove one of the two",
              "r.yaml:300:9: \"m.role\" is under `columns` as well: remove one of the two"});
}

TEST_CASE("the version names what is read out of JSON, and the SELECT over the rewrite") {
  const auto version = [](const RuleSource& rule) { return compile({rule}).rules()[0]->version; };
  std::vector<RuleSource> all(7, profile({child("m", "m", true, {value("id"), value("role")})}));
  all[1].compare.json.clear();
  all[2].compare.json[0].each = false;
  all[3].compare.json[0].members[0].name = "_";
  all[4].compare.json[0].key = "data";
  std::swap(all[5].compare.json[0].members[0], all[5].compare.json[0].members[1]);
  all[6].compare.select = {"select m, id from rewrite", at(60)};
  std::set<std::string> versions;
  for (const RuleSource& rule : all) versions.insert(version(rule));
  CHECK(versions.size() == all.size());
}

RuleSource selecting(std::string select, std::string rewrite = "select a from t where b = :b") {
  auto rule = source("r", "select a from t where b = :b", std::move(rewrite));
  rule.compare.select = {std::move(select),
                         {.file = "r.yaml", .line = 60, .column = 7, .block = true}};
  return rule;
}

TEST_CASE("a SELECT over the rewrite is replayed around it") {
  const auto set = compile({selecting("select x from rewrite, json_array_elements(a) x",
                                      "-- why\nselect a from t where b = :b ; -- end")});
  const Rule& rule = *set.rules()[0];
  const std::string wrapped =
      "WITH rewrite AS (\n-- why\nselect a from t where b = $1\n)\nselect x from rewrite, "
      "json_array_elements(a) x";
  CHECK(rule.rewrite.front().prepared == wrapped);
  const auto bound =
      rule.bind(Side::rewrite, 0, {{"b", {.list = false, .members = {test::text("5")}}}});
  CHECK(bound.sql == wrapped);
  CHECK(test::texts(bound.parameters) == Texts{"5"});
  CHECK(std::ranges::find(rule.functions, "json_array_elements") != rule.functions.end());
  CHECK(std::ranges::find(rule.tables, "\"t\"") != rule.tables.end());
}

TEST_CASE("a SELECT over the rewrite: mistakes") {
  const auto refuse = [](std::string select) { return problems({selecting(std::move(select))}); };
  const std::string from =
      "`select` reads from `rewrite` and from nothing else: `select … from rewrite`";
  CHECK(refuse("select a\nfrom rewrite").empty());
  CHECK(refuse("select a from t") == Texts{"r.yaml:61:7: " + from});
  CHECK(refuse("select a from rewrite, t") == Texts{"r.yaml:61:7: " + from});
  CHECK(refuse("select 1") == Texts{"r.yaml:61:7: " + from});
  CHECK(refuse("select a from rewrite\nwhere x = :b") ==
        Texts{"r.yaml:62:17: `:b`: `select` has no names, the rewrite has them"});
  CHECK(refuse("select a\nfrom rewrite where") ==
        Texts{"r.yaml:62:25: syntax error at end of input"});
  CHECK(refuse("with x as (select 1) select a from rewrite") ==
        Texts{"r.yaml:61:7: `select` begins with SELECT: the rewrite is its WITH"});
  CHECK(refuse("delete from rewrite").size() == 1);
  CHECK(refuse("select pg_sleep(1) from rewrite").size() <= 1);
  CHECK(refuse("select a from rewrite for update").size() == 1);
  CHECK(refuse("select a from rewrite; select 1").size() == 1);
}

}  // namespace
}  // namespace parallax::shadow
