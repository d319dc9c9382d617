#include "shadow/learn/operations.h"

#include <chrono>

#include "shadow/learn/rule_yaml.h"
#include "tests/unit/shadow/learn/support.h"
#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow::test {
namespace {

const std::string kUsers = "SELECT users.id, users.name FROM users WHERE users.id = $1 LIMIT $2";
const std::string kMemberships =
    "SELECT memberships.id, memberships.\"userId\", memberships.\"roleId\" FROM memberships WHERE "
    "memberships.\"userId\" IN ($1)";

std::string roles(std::size_t count) {
  std::string sql = "SELECT roles.id, roles.name FROM roles WHERE roles.id IN (";
  for (std::size_t i = 1; i <= count; ++i) sql += (i > 1 ? ",$" : "$") + std::to_string(i);
  return sql + ")";
}

void profile(Traffic& traffic, const std::string& id, const Texts& role_ids) {
  traffic.legacy(kUsers, {id, "1"}, {{id, "n " + id}});
  std::vector<Row> memberships;
  for (std::size_t i = 0; i < role_ids.size(); ++i)
    memberships.push_back({id + std::to_string(i), id, role_ids[i]});
  traffic.legacy(kMemberships, {id}, memberships);
  std::vector<Row> found;
  for (const auto& role : role_ids)
    if (role) found.push_back({*role, "role " + *role});
  if (!memberships.empty()) traffic.legacy(roles(role_ids.size()), role_ids, found);
}

std::vector<std::string> texts(const ProposedRule& rule) {
  std::vector<std::string> all;
  for (const auto& one : rule.legacy) all.push_back(one.name + ": " + one.sql);
  return all;
}

TEST_CASE("learn: lists of duplicates and NULLs are links, in a chain") {
  Traffic traffic;
  profile(traffic, "u1", {"r1", "r2", "r1"});
  profile(traffic, "u2", {"r2", std::nullopt, "r3"});
  profile(traffic, "u3", {});
  profile(traffic, "u4", {"r1"});
  const auto rule = traffic.only_rule();
  CHECK(
      texts(rule) ==
      std::vector<std::string>{
          "user: SELECT users.id, users.name FROM users WHERE users.id = :id LIMIT 1",
          "memberships: SELECT memberships.id, memberships.\"userId\", memberships.\"roleId\" FROM "
          "memberships WHERE memberships.\"userId\" IN (:user.id)",
          "roles: SELECT roles.id, roles.name FROM roles WHERE roles.id IN (:memberships.roleId)"});
}

TEST_CASE(
    "learn: a table that comes twice is named by its links, and the rewrite pairs in that order") {
  const std::string users = "SELECT users.id, users.name FROM users WHERE users.id IN ($1,$2)";
  const std::string rewrite =
      "select issues.id, users.id, users.name, a.id, a.name from issues join users on true left "
      "join users a on true where issues.m = $1";
  Traffic traffic;
  for (int i = 0; i < 4; ++i) {
    const auto n = std::to_string(i);
    const Row first{"i" + n, "c" + n, "a" + n};
    const Row second{"j" + n, "d" + n, "b" + n};
    traffic.legacy(
        "SELECT issues.id, issues.\"createdById\", issues.\"assignedToId\" FROM issues WHERE "
        "issues.m = $1",
        {n}, {first, second});
    // They run at the same time: now the one is first, now the other.
    const auto people = [&](const std::string& one, const std::string& two) {
      traffic.legacy(users, {one + n, two + n}, {{one + n, one}, {two + n, two}});
    };
    if (i % 2 == 0) people("a", "b");
    people("c", "d");
    if (i % 2 == 1) people("a", "b");
    traffic.rewrite(rewrite, {n},
                    {{"i" + n, "c" + n, "c", "a" + n, "a"}, {"j" + n, "d" + n, "d", "b" + n, "b"}});
  }
  const auto rule = traffic.only_rule();
  REQUIRE(rule.legacy.size() == 3);
  CHECK(rule.legacy[1].name == "createdBy");
  CHECK(rule.legacy[2].name == "assignedTo");
  CHECK(rule.rewrite.find("issues.m = :m") != std::string::npos);
  CHECK(rule.columns.empty());
}

TEST_CASE("learn: where the rewrite has them in another order, columns are named by their values") {
  const std::string users = "SELECT users.id, users.name FROM users WHERE users.id IN ($1)";
  Traffic traffic;
  for (int i = 0; i < 4; ++i) {
    const auto n = std::to_string(i);
    traffic.legacy(
        "SELECT issues.id, issues.\"createdById\", issues.\"assignedToId\" FROM issues WHERE "
        "issues.m = $1",
        {n}, {{"i" + n, "c" + n, "a" + n}});
    traffic.legacy(users, {"c" + n}, {{"c" + n, "maker " + n}});
    traffic.legacy(users, {"a" + n}, {{"a" + n, "doer " + n}});
    traffic.rewrite(
        "select issues.id, a.name, users.name from issues join users on true left join users a on "
        "true where issues.m = $1",
        {n}, {{"i" + n, "doer " + n, "maker " + n}});
  }
  const auto rule = traffic.only_rule();
  using Columns = std::vector<std::pair<std::string, std::string>>;
  CHECK(rule.columns == Columns{{"createdBy.name", "users.name"}, {"assignedTo.name", "a.name"}});
}

TEST_CASE("learn: a list that only happens to equal a column is no link") {
  const std::string by_ids =
      "SELECT machines.id, machines.name FROM machines WHERE machines.id IN ($1)";
  Traffic traffic;
  for (int i = 0; i < 6; ++i) {
    const auto n = std::to_string(i);
    traffic.legacy("SELECT tags.id, tags.weight FROM tags WHERE tags.k = $1", {n},
                   {{"t" + n, n == "3" ? "m3" : "w" + n}});
    traffic.legacy(by_ids, {"m" + n}, {{"m" + n, "x"}});
  }
  const auto rules = traffic.proposed();
  REQUIRE(rules.size() == 2);
  for (const auto& rule : rules) CHECK(rule.legacy.size() == 1);
}

TEST_CASE("learn: a list that was given to the parent as well is no link") {
  Traffic traffic;
  for (const char* status : {"NEW", "OPEN", "DONE"}) {
    traffic.legacy("SELECT a.id, a.status FROM a WHERE a.status IN ($1)", {status},
                   {{"1", status}});
    traffic.legacy("SELECT b.id, b.status FROM b WHERE b.status IN ($1)", {status},
                   {{"2", status}});
  }
  CHECK(traffic.proposed().size() == 2);
}

TEST_CASE("learn: a child comes within the window, and of its own operation") {
  Traffic late;
  for (int i = 0; i < 3; ++i) {
    const auto id = "u" + std::to_string(i);
    late.legacy(kUsers, {id, "1"}, {{id, "n"}});
    late.pause(3'000'000'000);
    late.legacy(kMemberships, {id}, {{"m", id, "r"}});
  }
  CHECK(late.proposed().size() == 2);
  Traffic tagged;
  for (int i = 0; i < 3; ++i) {
    const auto id = "u" + std::to_string(i);
    tagged.legacy(kUsers, {id, "1"}, {{id, "n"}}, "one");
    tagged.legacy(kMemberships, {id}, {{"m", id, "r"}}, "other");
  }
  CHECK(tagged.proposed().size() == 2);
}

TEST_CASE("learn: what is proposed is in the grammar") {
  Traffic traffic;
  profile(traffic, "u1", {"r1", "r2"});
  profile(traffic, "u2", {"r2"});
  traffic.rewrite(
      "select u.id, u.name, m.id, m.\"userId\", m.\"roleId\", r.id, r.name from users u left join "
      "memberships m on true left join roles r on true where u.id = $1",
      {"u2"}, {{"u2", "n u2", "u20", "u2", "r2", "r2", "role r2"}});
  const auto rule = traffic.only_rule();
  REQUIRE(rule.problems.empty());
  RuleSource source;
  source.name.text = rule.name;
  source.legacy.clear();
  for (const auto& one : rule.legacy) source.legacy.push_back({one.name, {one.sql, {}}});
  source.rewrite.front().sql.text = rule.rewrite;
  CHECK(compile({source}).rules().front()->legacy.size() == 3);
}

}  // namespace
}  // namespace parallax::shadow::test
