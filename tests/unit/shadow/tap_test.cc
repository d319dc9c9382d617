#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/unit/shadow/tap_fixture.h"

namespace parallax::shadow {

using namespace tests;

TEST_CASE(
    "a matched operation of the extended protocol is offered with its values, after its answer") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("", kSql) + bind("", {"u1", "1"}) + test::fe::execute() +
                 test::fe::sync());
  REQUIRE(fixture.intake.operations.empty());
  fixture.server(kBound + command_complete("SELECT 1") + ready('I'));
  REQUIRE(fixture.intake.operations.size() == 1);
  const auto& operation = fixture.intake.operations[0];
  REQUIRE(operation.rule->name == "r");
  REQUIRE(operation.statement.sql == kSql);
  REQUIRE(operation.statement.parameters.size() == 2);
  REQUIRE(operation.values.at("id").members[0].bytes == "u1");
  REQUIRE(operation.live.sqlstate.empty());
  REQUIRE(operation.live_seconds > 0);
  REQUIRE(operation.context->settings.at(0) ==
          std::pair<std::string, std::string>("timezone", "UTC"));
  REQUIRE(fixture.operations() == 1);
  fixture.check_law();
}

TEST_CASE("the simple protocol: literals are the values, and pins are checked") {
  Fixture fixture(one_rule());
  fixture.simple("select id from users where id = 'u''2' limit 1;", "SELECT 1");
  fixture.simple("SELECT id FROM users WHERE id = 'u2' LIMIT 5", "SELECT 1");
  REQUIRE(fixture.intake.operations.size() == 1);
  REQUIRE(fixture.intake.operations[0].values.at("id").members[0].bytes == "u'2");
  REQUIRE(fixture.skipped(SkipReason::pin) == 1);
  fixture.check_law();
}

TEST_CASE("a named statement that is bound many times is matched each time") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("s1", kSql) + test::fe::sync());
  fixture.server(test::be::parse_complete() + ready('I'));
  for (int i = 0; i < 5; ++i) {
    fixture.client(bind("s1", {"u" + std::to_string(i), i == 3 ? "2" : "1"}) + test::fe::execute() +
                   test::fe::sync());
    fixture.server(test::be::bind_complete() + command_complete("SELECT 1") + ready('I'));
  }
  REQUIRE(fixture.intake.operations.size() == 4);
  REQUIRE(fixture.skipped(SkipReason::pin) == 1);
  REQUIRE(fixture.operations() == 5);
  fixture.check_law();
}

TEST_CASE("what a session has set goes along with its operations") {
  Fixture fixture(one_rule());
  SECTION("SET is followed") {
    fixture.simple("set timezone to 'Europe/Berlin'", "SET");
    fixture.simple("SELECT id FROM users WHERE id = 'a' LIMIT 1", "SELECT 1");
    REQUIRE(fixture.intake.operations.size() == 1);
    const std::vector<std::pair<std::string, std::string>> settings = {
        {"timezone", "Europe/Berlin"}};
    REQUIRE(fixture.intake.operations[0].context->settings == settings);
  }
  SECTION("set_config with parameters") {
    fixture.simple("begin", "BEGIN", 'T');
    fixture.client(test::fe::parse("", "select set_config($1, $2, true)") +
                   bind("", {"app.tenant", "t1"}) + test::fe::execute() +
                   test::fe::parse("", kSql) + bind("", {"a", "1"}) + test::fe::execute() +
                   test::fe::sync());
    fixture.server(kBound + command_complete("SELECT 1") + kBound + command_complete("SELECT 1") +
                   ready('T'));
    REQUIRE(fixture.intake.operations.size() == 1);
    REQUIRE(fixture.intake.operations[0].context->settings.front() ==
            std::pair<std::string, std::string>("app.tenant", "t1"));
  }
  fixture.check_law();
}

TEST_CASE("what a session did ends its comparisons, with the reason") {
  const auto run = [](Fixture& fixture) {
    fixture.simple("SELECT id FROM users WHERE id = 'a' LIMIT 1", "SELECT 1");
  };
  Fixture fixture(one_rule());
  SECTION("another user") {
    fixture.open("bob", "shop");
    run(fixture);
    REQUIRE(fixture.skipped(SkipReason::context) == 1);
  }
  SECTION("another database") {
    fixture.open("app", "other");
    run(fixture);
    REQUIRE(fixture.skipped(SkipReason::other_database) == 1);
  }
  SECTION("DO") {
    fixture.simple("do $$ begin perform 1; end $$", "DO");
    run(fixture);
    REQUIRE(fixture.skipped(SkipReason::context) == 1);
  }
  SECTION("a transaction that has written, until it ends") {
    fixture.simple("begin", "BEGIN", 'T');
    fixture.simple("insert into users values ('a')", "INSERT 0 1", 'T');
    fixture.client(test::fe::query("SELECT id FROM users WHERE id = 'a' LIMIT 1"));
    fixture.server(command_complete("SELECT 1") + ready('T'));
    REQUIRE(fixture.skipped(SkipReason::txn_wrote) == 1);
    fixture.simple("commit", "COMMIT");
    run(fixture);
    REQUIRE(fixture.intake.operations.size() == 1);
  }
  SECTION("a write earlier in the same pipeline, without a Sync between") {
    fixture.client(test::fe::parse("", "insert into users values ('a')") + bind("", {}) +
                   test::fe::execute() + test::fe::parse("", kSql) + bind("", {"a", "1"}) +
                   test::fe::execute() + test::fe::sync());
    fixture.server(kBound + command_complete("INSERT 0 1") + kBound + command_complete("SELECT 1") +
                   ready('I'));
    REQUIRE(fixture.skipped(SkipReason::txn_wrote) == 1);
  }
  SECTION("a rule that is not verified, or broken") {
    fixture.state = RuleState::unverified;
    run(fixture);
    fixture.state = RuleState::broken;
    run(fixture);
    REQUIRE(fixture.skipped(SkipReason::unverified) == 1);
    REQUIRE(fixture.skipped(SkipReason::broken) == 1);
  }
  SECTION("a failed transaction block") {
    fixture.simple("begin", "BEGIN", 'T');
    fixture.client(test::fe::query("SELECT id FROM users WHERE id = 'a' LIMIT 1"));
    fixture.server(error("25P02") + ready('E'));
    REQUIRE(fixture.skipped(SkipReason::context) == 1);
  }
  fixture.check_law();
}

TEST_CASE("an error of the client's statement travels with the operation") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("", kSql) + bind("", {"u1", "1"}) + test::fe::execute() +
                 test::fe::sync());
  fixture.server(kBound + error("22012") + ready('I'));
  REQUIRE(fixture.intake.operations.size() == 1);
  REQUIRE(fixture.intake.operations[0].live.sqlstate == "22012");
  fixture.client(test::fe::parse("", kSql) + bind("", {"u1", "1"}) + test::fe::execute() +
                 test::fe::sync());
  fixture.server(error("57014") + ready('I'));
  REQUIRE(fixture.skipped(SkipReason::server) == 1);
  fixture.check_law();
}

TEST_CASE(
    "DEALLOCATE of one statement leaves the others known; of what cannot be told, none is "
    "certain") {
  Fixture fixture(one_rule());
  const auto prepare = [&](const std::string& name) {
    fixture.client(test::fe::parse(name, kSql) + test::fe::sync());
    fixture.server(test::be::parse_complete() + ready('I'));
  };
  const auto run = [&](const std::string& name) {
    fixture.client(bind(name, {"u1", "1"}) + test::fe::execute() + test::fe::sync());
    fixture.server(test::be::bind_complete() + command_complete("SELECT 1") + ready('I'));
  };
  prepare("a");
  prepare("B");
  fixture.simple("DEALLOCATE a", "DEALLOCATE");
  run("B");
  REQUIRE(fixture.intake.operations.size() == 1);
  prepare("a");
  fixture.simple("deallocate prepare \"B\"", "DEALLOCATE");
  run("a");
  REQUIRE(fixture.intake.operations.size() == 2);
  fixture.simple("deallocate all", "DEALLOCATE ALL");
  run("a");  // the server would refuse it; an answer all the same means that something unknown has
             // run
  REQUIRE(fixture.intake.operations.size() == 2);
  prepare("c");
  run("c");
  REQUIRE(fixture.skipped(SkipReason::context) == 1);
  fixture.check_law();
}

TEST_CASE("binary parameters whose type was left to the server go on where they are named") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("", kSql) + test::fe::bind("", "", {"u1", "1"}, {1, 0}) +
                 test::fe::execute() + test::fe::sync());
  fixture.server(kBound + command_complete("SELECT 1") + ready('I'));
  REQUIRE(fixture.intake.operations.size() == 1);
  const auto& value = fixture.intake.operations[0].values.at("id").members.at(0);
  CHECK(value.binary);
  CHECK(value.type_oid == 0);
  fixture.intake.operations.clear();
  // Of a pin nobody knows whether it holds.
  fixture.client(test::fe::parse("", kSql) + test::fe::bind("", "", {"u1", "1"}, {0, 1}) +
                 test::fe::execute() + test::fe::sync());
  fixture.server(kBound + command_complete("SELECT 1") + ready('I'));
  REQUIRE(fixture.skipped(SkipReason::context) == 1);
  REQUIRE(fixture.intake.operations.empty());
  fixture.client(test::fe::parse("", kSql, {25}) + test::fe::bind("", "", {"u1", "1"}, {1, 0}) +
                 test::fe::execute() + test::fe::sync());
  fixture.server(kBound + command_complete("SELECT 1") + ready('I'));
  REQUIRE(fixture.intake.operations.size() == 1);
  fixture.check_law();
}

TEST_CASE("a refused offer is a drop with its reason, and nothing is in flight") {
  Fixture fixture(one_rule());
  fixture.intake.refuse = DropReason::queue_bytes;
  fixture.simple("SELECT id FROM users WHERE id = 'a' LIMIT 1", "SELECT 1");
  REQUIRE(
      fixture.registry.value(
          fixture.metrics.rules[0].dropped[static_cast<std::size_t>(DropReason::queue_bytes)]) ==
      1);
  REQUIRE(fixture.registry.value(fixture.metrics.rules[0].in_flight) == 0);
  fixture.check_law();
}

TEST_CASE("sampling takes about its share, and the rest is counted") {
  Fixture fixture(one_rule(0.25));
  for (int i = 0; i < 4000; ++i)
    fixture.simple("SELECT id FROM users WHERE id = 'a' LIMIT 1", "SELECT 1");
  REQUIRE(fixture.intake.operations.size() > 800);
  REQUIRE(fixture.intake.operations.size() < 1200);
  REQUIRE(fixture.skipped(SkipReason::sampled_out) == 4000 - fixture.intake.operations.size());
  fixture.check_law();
}

TEST_CASE("a parameter too large to keep is counted, not compared") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("", kSql) + bind("", {std::string(2'000'000, 'x'), "1"}) +
                 test::fe::execute() + test::fe::sync());
  fixture.server(kBound + command_complete("SELECT 1") + ready('I'));
  REQUIRE(fixture.skipped(SkipReason::too_large) == 1);
  fixture.check_law();
}

TEST_CASE("--dev hears of each statement that no rule covers, once, and never of writes") {
  Fixture fixture(one_rule(), true);
  for (int i = 0; i < 3; ++i)
    fixture.simple("select name from users where id = 'x" + std::to_string(i) + "'", "SELECT 1");
  fixture.simple("insert into users values ('a')", "INSERT 0 1");
  REQUIRE(fixture.intake.uncovered.size() == 1);
  REQUIRE(fixture.intake.uncovered[0].skeleton.find("legacy:") != std::string::npos);
  REQUIRE(fixture.intake.uncovered[0].skeleton.find("x0") == std::string::npos);
  const auto& metrics = fixture.metrics.statements;
  REQUIRE(fixture.registry.value(metrics[0][0]) == 4);
  REQUIRE(fixture.registry.value(metrics[0][1]) == 0);
}

// What is counted and told of statements that are tagged as operations of rules.
struct Drift : Fixture {
  Drift() : Fixture(sources()) {}
  static std::vector<RuleSource> sources() {
    auto rules = one_rule();
    rules.push_back(rule("issues", "SELECT id FROM issues WHERE id = :id",
                         "select id from issues where id = :id"));
    rules.back().operation = "issueRouter.get";
    rules.push_back(rule("issueRouter.list", "SELECT id FROM issues LIMIT :n",
                         "select id from issues limit :n"));
    rules.push_back(rule("count", "SELECT count(*) FROM issues WHERE x = :x",
                         "select count(*) from issues where x = :x"));
    rules.back().operation = "issueRouter.list";
    return rules;
  }
  std::uint64_t unknown(std::size_t at) const {
    return registry.value(metrics.rules[at].unknown_tagged);
  }
  std::uint64_t unknown() const { return unknown(0) + unknown(1) + unknown(2) + unknown(3); }
};

TEST_CASE("a statement that is tagged as a rule's operation, and that no rule knows") {
  Drift drift;
  for (int i = 0; i < 3; ++i) {
    drift.simple("SELECT id, name FROM users WHERE id = 'x" + std::to_string(i) + "' /*n='" +
                     std::to_string(i) + "',operation='r'*/",
                 "SELECT 1");
  }
  CHECK(drift.unknown(0) == 3);
  REQUIRE(drift.intake.uncovered.size() == 1);
  CHECK(drift.intake.uncovered[0].tagged == drift.rules.rules()[0].get());
  CHECK(drift.intake.uncovered[0].sql.empty());
  CHECK(drift.intake.uncovered[0].skeleton.empty());
  drift.simple("SELECT id, email FROM users /*operation='r'*/", "SELECT 1");
  CHECK(drift.intake.uncovered.size() == 2);
  CHECK(drift.unknown() == 4);
}

TEST_CASE("the operation's name is the rule's tag; of several rules the one of that name has it") {
  Drift drift;
  drift.simple("SELECT 1 /*operation='issues'*/", "SELECT 1");
  CHECK(drift.unknown() == 0);
  drift.simple("SELECT 1 /*operation='issueRouter.get'*/", "SELECT 1");
  CHECK(drift.unknown(1) == 1);
  drift.simple("SELECT 1 /*operation='issueRouter.list'*/", "SELECT 1");
  CHECK(drift.unknown(2) == 1);
  CHECK(drift.unknown() == 2);
}

TEST_CASE("a named prepared statement counts with each execution") {
  Drift drift;
  drift.client(test::fe::parse("r#ad0cadf3", "SELECT name FROM users WHERE id = $1") +
               test::fe::sync());
  drift.server(test::be::parse_complete() + ready('I'));
  for (int i = 0; i < 2; ++i) {
    drift.client(bind("r#ad0cadf3", {"1"}) + test::fe::execute() + test::fe::sync());
    drift.server(test::be::bind_complete() + command_complete("SELECT 1") + ready('I'));
  }
  CHECK(drift.unknown(0) == 2);
  CHECK(drift.intake.uncovered.size() == 1);
}

TEST_CASE("what no rule could cover is no drift, nor what some rule covers, nor what fails") {
  Drift drift;
  const std::string tag = " /*operation='r'*/";
  drift.simple("INSERT INTO users VALUES ('a')" + tag, "INSERT 0 1");
  drift.simple("INSERT INTO users VALUES ('a') RETURNING id" + tag, "INSERT 0 1");
  drift.simple("WITH x AS (DELETE FROM users RETURNING id) SELECT id FROM x" + tag, "SELECT 1");
  drift.simple("SELECT id FROM users WHERE name = 'a' FOR UPDATE" + tag, "SELECT 1");
  drift.simple("SELECT set_config('a.b', 'c', true)" + tag, "SELECT 1");
  drift.simple("SET search_path = x" + tag, "SET");
  drift.simple("BEGIN" + tag, "BEGIN", 'T');
  drift.simple("COMMIT" + tag, "COMMIT");
  drift.simple("SELECT id FROM issues WHERE id = '1'" + tag, "SELECT 1");  // another rule's
  drift.simple("SELECT id FROM users WHERE id = 'a' LIMIT 1" + tag, "SELECT 1");
  drift.simple("SELECT name FROM users /*operation='nobody'*/", "SELECT 1");
  drift.client(test::fe::query("SELECT nme FROM users" + tag));
  drift.server(error("42703") + ready('I'));
  CHECK(drift.unknown() == 0);
  CHECK(drift.intake.uncovered.empty());
}

TEST_CASE("--dev hears of it with a skeleton") {
  Fixture fixture(one_rule(), true);
  fixture.simple("SELECT name FROM users WHERE id = 'secret' /*operation='r'*/", "SELECT 1");
  REQUIRE(fixture.intake.uncovered.size() == 1);
  CHECK(fixture.intake.uncovered[0].tagged == fixture.rules.rules()[0].get());
  CHECK(fixture.intake.uncovered[0].skeleton.find("SELECT name") != std::string::npos);
  CHECK(fixture.intake.uncovered[0].skeleton.find("secret") == std::string::npos);
}

TEST_CASE("more texts than the cache holds: all are still recognised") {
  Fixture fixture(one_rule());
  for (int i = 0; i < 20'000; ++i) {
    fixture.simple("SELECT id FROM users WHERE id = 'k" + std::to_string(i) + "' LIMIT 1",
                   "SELECT 1");
  }
  REQUIRE(fixture.intake.operations.size() == 20'000);
  fixture.check_law();
}

TEST_CASE("the rewrite may be what the client sends") {
  Fixture fixture({rule("r", "SELECT id FROM users WHERE id = :id LIMIT 1",
                        "select id from users where id = :id")});
  fixture.simple("select id from users where id = 'u1'", "SELECT 1");
  REQUIRE(fixture.intake.operations.size() == 1);
  const auto& operation = fixture.intake.operations[0];
  CHECK(operation.live.side == Side::rewrite);
  CHECK(operation.statement.sql == "select id from users where id = 'u1'");
  CHECK(operation.values.at("id").members[0].bytes == "u1");
  const auto& metrics = fixture.metrics.rules[0];
  CHECK(fixture.registry.value(metrics.of(Side::rewrite).statements) == 1);
  CHECK(fixture.registry.value(metrics.of(Side::legacy).statements) == 0);
  fixture.check_law();
}

TEST_CASE("a live rewrite of a rule that has one way is counted") {
  Fixture fixture({rule("r", "SELECT id FROM users WHERE id = :id LIMIT :_",
                        "select id from users where id = :id")});
  fixture.simple("select id from users where id = 'u1'", "SELECT 1");
  CHECK(fixture.intake.operations.empty());
  CHECK(fixture.skipped(SkipReason::one_way) == 1);
  fixture.check_law();
}

}  // namespace parallax::shadow
