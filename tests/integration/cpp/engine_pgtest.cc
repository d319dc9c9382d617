// What a replay finds: each right rewrite is a match, each wrong one is named.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <set>

#include "tests/integration/cpp/database.h"
#include "tests/integration/cpp/engine_rig.h"

using namespace parallax;
using namespace parallax::pgtest;
using namespace parallax::shadow;

namespace {

const std::string kItemSql =
    R"(SELECT "public"."items"."id", "public"."items"."name" FROM "public"."items" WHERE "public"."items"."id" = $1)";
const std::string kItemRule =
    R"(SELECT "public"."items"."id", "public"."items"."name" FROM "public"."items" WHERE "public"."items"."id" = :id)";

// Both orders of the steps are seen: the order alternates.
std::multiset<std::string> ends(EngineRig& rig, const EngineRig::Call& call,
                                std::size_t times = 4) {
  std::multiset<std::string> found;
  for (std::size_t i = 0; i < times; ++i) found.insert(end_of(rig.run(call)));
  return found;
}

std::multiset<std::string> all(const std::string& end, std::size_t times = 4) {
  std::multiset<std::string> expected;
  for (std::size_t i = 0; i < times; ++i) expected.insert(end);
  return expected;
}

}  // namespace

TEST_CASE("a right rewrite is a match") {
  EngineRig rig(options_on(shared_server()),
                {
                    {"one", kItemRule, "select id, name from items where items.id = :id"},
                    {"sorted", "SELECT id, price, mood FROM items WHERE owner = :owner ORDER BY id",
                     "select id, price * 1.000 as price, mood::text from items where owner = "
                     ":owner order by items.id"},
                    {"list", "SELECT name, big FROM items WHERE id IN (:ids)",
                     "select name, big from items where id = any(:ids) order by big desc"},
                });
  REQUIRE(rig.wait_verified());
  CHECK(rig.state(0) == RuleState::ready);
  CHECK(ends(rig, {kItemSql, {text("7")}}) == all("match"));
  CHECK(ends(rig, {kItemSql, {text("7777")}}) == all("match"));
  CHECK(ends(rig, {"SELECT id, price, mood FROM items WHERE owner = $1 ORDER BY id",
                   {text("3")}}) == all("match"));
  CHECK(ends(rig, {"SELECT name, big FROM items WHERE id IN ($1, $2, $3)",
                   {text("3"), text("5"), text("9")}}) == all("match"));
  const auto& one = rig.metrics().rules[0];
  CHECK(rig.count(one.operations) == 8);
  CHECK(rig.count(one.vacuous_matches) == 4);
  CHECK(rig.count(one.equalized[static_cast<std::size_t>(EqualStep::exact)]) == 8);
  const auto& sorted = rig.metrics().rules[1];
  CHECK(rig.count(sorted.equalized[static_cast<std::size_t>(EqualStep::numeric_scale)]) == 4);
  CHECK(rig.count(sorted.equalized[static_cast<std::size_t>(EqualStep::enum_text)]) == 4);
  CHECK(rig.law_holds());
}

TEST_CASE("a wrong rewrite is found, and its kind is named") {
  EngineRig rig(options_on(shared_server()),
                {
                    {"dropped", "SELECT id, name FROM items WHERE owner = :owner",
                     "select id, name from items where owner = :owner and id > 5"},
                    {"added", "SELECT id, name, big FROM items WHERE owner = :owner",
                     "select id, name, big from items where owner >= :owner"},
                    {"changed", "SELECT id, name, owner FROM items WHERE id = :id",
                     "select id, upper(name), owner from items where id = :id"},
                    {"typed", "SELECT id, big FROM items WHERE id = :id",
                     "select id, big::float8 from items where id = :id"},
                    {"unsorted", "SELECT id FROM items WHERE owner = :owner ORDER BY id",
                     "select id from items where owner = :owner order by id desc"},
                    {"fails", "SELECT big FROM items WHERE id = :id",
                     "select big from no_such_table where id = :id"},
                    {"fails later", "SELECT mood, id FROM items WHERE id = :id",
                     "select mood, id / (owner - owner) from items where id = :id"},
                });
  REQUIRE(rig.wait_verified());
  CHECK(rig.state(5) == RuleState::ready);
  CHECK(rig.report().reasons["fails"].find("42P01") != std::string::npos);
  const std::vector<Value> owner{text("3")};
  CHECK(ends(rig, {"SELECT id, name FROM items WHERE owner = $1", owner}) ==
        all("mismatch missing_row"));
  CHECK(ends(rig, {"SELECT id, name, big FROM items WHERE owner = $1", owner}) ==
        all("mismatch extra_row"));
  CHECK(ends(rig, {"SELECT id, name, owner FROM items WHERE id = $1", owner}) ==
        all("mismatch value"));
  CHECK(ends(rig, {"SELECT id, big FROM items WHERE id = $1", owner}) ==
        all("mismatch column_type"));
  CHECK(ends(rig, {"SELECT id FROM items WHERE owner = $1 ORDER BY id", owner}) ==
        all("mismatch order"));
  CHECK(ends(rig, {"SELECT big FROM items WHERE id = $1", owner}) == all("rewrite_error"));
  CHECK(ends(rig, {"SELECT mood, id FROM items WHERE id = $1", owner}) == all("rewrite_error"));
  const auto outcome = rig.run({"SELECT mood, id FROM items WHERE id = $1", owner});
  CHECK(outcome.rewrite_sqlstate == "22012");
  CHECK(outcome.legacy_sqlstate.empty());
  CHECK(outcome.legacy_rows == 1);
  // Without --dev nothing that could carry a value leaves the engine.
  CHECK(outcome.rewrite_message.empty());
  CHECK(outcome.values.empty());
  CHECK(rig.run({"SELECT id, name, owner FROM items WHERE id = $1", owner}).differences.empty());
  CHECK(rig.law_holds());
}

TEST_CASE("with --dev the values come along") {
  auto options = options_on(shared_server());
  options.dev = true;
  options.keep_values = true;
  EngineRig rig(options, {{"changed", "SELECT id, name FROM items WHERE id = :id",
                           "select id, upper(name) as name from items where id = :id"}});
  REQUIRE(rig.wait_verified());
  const auto outcome = rig.run({"SELECT id, name FROM items WHERE id = $1", {text("3")}});
  CHECK(end_of(outcome) == "mismatch value");
  REQUIRE(outcome.differences.size() == 1);
  CHECK(outcome.differences[0].legacy->at(1) == "item 3");
  CHECK(outcome.differences[0].rewrite->at(1) == "ITEM 3");
  CHECK(outcome.values.at("id").members.at(0).bytes == "3");
}

TEST_CASE("errors are compared by SQLSTATE when the client got one too") {
  const std::string legacy = "SELECT name, 10 / (:n - owner) FROM items WHERE id = 3";
  const std::string sent = "SELECT name, 10 / ($1 - owner) FROM items WHERE id = 3";
  EngineRig rig(options_on(shared_server()),
                {
                    {"same", legacy, "select name, 10 / (:n - owner) from items where id = 3"},
                    {"none", "SELECT mood, 10 / (:n - owner) FROM items WHERE id = 3",
                     "select mood, :n::int from items where id = 3"},
                    {"other", "SELECT price, 10 / (:n - owner) FROM items WHERE id = 3",
                     "select price, ('x' || :n::text)::int from items where id = 3"},
                });
  REQUIRE(rig.wait_verified());
  CHECK(ends(rig, {sent, {text("3")}, "22012"}) == all("match"));
  CHECK(ends(rig, {sent, {text("4")}}) == all("match"));
  CHECK(
      ends(rig, {"SELECT mood, 10 / ($1 - owner) FROM items WHERE id = 3", {text("3")}, "22012"}) ==
      all("mismatch error"));
  CHECK(ends(rig,
             {"SELECT price, 10 / ($1 - owner) FROM items WHERE id = 3", {text("3")}, "22012"}) ==
        all("mismatch error"));
  // The client got a result, the replay does not: its context was another one.
  CHECK(ends(rig, {sent, {text("3")}}) == all("skipped context"));
  CHECK(rig.law_holds());
}

TEST_CASE("the session's settings hold in the replay and do not stay") {
  EngineRig rig(options_on(shared_server()),
                {
                    {"zone", "SELECT 'Asia/Tokyo' AS zone WHERE :x = 1",
                     "select current_setting('TimeZone') as zone where :x = 1"},
                    {"path", "SELECT name FROM things WHERE length(name) > :x",
                     "select name || '' from app2.things where length(name) > :x"},
                });
  REQUIRE(rig.wait_verified());
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  const auto context = [](Pairs pairs) {
    return std::make_shared<const shadow::ReplayContext>(
        shadow::ReplayContext{std::move(pairs), {}, {}});
  };
  const EngineRig::Call zone{"SELECT 'Asia/Tokyo' AS zone WHERE $1 = 1", {text("1")}};
  const EngineRig::Call path{"SELECT name FROM things WHERE length(name) > $1", {text("1")}};
  const auto with = [&](EngineRig::Call call, Pairs pairs) {
    call.context = context(std::move(pairs));
    return call;
  };
  CHECK(ends(rig, with(zone, {{"TimeZone", "Asia/Tokyo"}})) == all("match"));
  CHECK(ends(rig, zone) == all("mismatch value"));
  CHECK(ends(rig, with(path, {{"search_path", "app2"}})) == all("match"));
  CHECK(ends(rig, path).count("match") == 0);
  CHECK(ends(rig, with(zone, {{"no_such_setting", "1"}})) == all("skipped context"));
  CHECK(ends(rig, with(zone, {{"TimeZone", "Nowhere/At all"}})) == all("skipped context"));
  CHECK(rig.report().pool_errors.empty());
  CHECK(rig.law_holds());
}

TEST_CASE("large parameters and results pass without blocking each other") {
  auto options = options_on(shared_server());
  options.statement_timeout = std::chrono::seconds(30);  // sending takes long in sanitizer builds
  EngineRig rig(options,
                {{"echo", "SELECT :x::text AS x FROM generate_series(1, 3)",
                  "select :x::text as x from generate_series(1, 3)"},
                 {"length", "SELECT length(:x::text) AS n", "select length(:x::text) as n"}});
  REQUIRE(rig.wait_verified());
  const std::string echo = "SELECT $1::text AS x FROM generate_series(1, 3)";
  CHECK(ends(rig, {echo, {text(std::string(2'000'000, 'x'))}}) == all("match"));
  // More than the kernel's buffers of both sides hold.
  CHECK(ends(rig, {"SELECT length($1::text) AS n", {text(std::string(20'000'000, 'x'))}}, 2) ==
        all("match", 2));
  CHECK(ends(rig, {echo, {text(std::string("a\0b", 3))}}) == all("skipped context"));
  CHECK(rig.law_holds());
}

TEST_CASE("rules that cannot be replayed are broken, with the reason") {
  EngineRig rig(
      options_on(shared_server()),
      {
          {"no table", "SELECT a FROM nowhere WHERE b = :b", "select id from items where id = :b"},
          {"unpaired", "SELECT id, name, big FROM items WHERE id = :id",
           "select id from items where id = :id"},
          {"volatile", "SELECT id FROM items WHERE id = :id",
           "select public.counting(id) from items where id = :id"},
          {"fine", "SELECT name FROM items WHERE id = :id",
           "select name from items where id = :id"},
      });
  REQUIRE(rig.wait_verified());
  CHECK(rig.state(0) == RuleState::broken);
  CHECK(rig.report().reasons["no table"].find("42P01") != std::string::npos);
  CHECK(rig.state(1) == RuleState::broken);
  CHECK(rig.report().reasons["unpaired"].find("name") != std::string::npos);
  CHECK(rig.state(2) == RuleState::broken);
  CHECK(rig.report().reasons["volatile"].find("function counting is volatile") !=
        std::string::npos);
  CHECK(rig.state(3) == RuleState::ready);
  CHECK(end_of(rig.run({"SELECT a FROM nowhere WHERE b = $1", {text("1")}})) == "skipped broken");
  CHECK(rig.law_holds());
}

TEST_CASE("a rewrite that works later is verified again") {
  Session session(shared_server());
  session.run("drop table if exists later");
  EngineRig rig(options_on(shared_server()), {{"later", "SELECT id, name FROM items WHERE id = :id",
                                               "select id, name from later where id = :id"}});
  REQUIRE(rig.wait_verified());
  const EngineRig::Call call{"SELECT id, name FROM items WHERE id = $1", {text("3")}};
  CHECK(ends(rig, call) == all("rewrite_error"));
  session.run("create table later as select * from items; grant select on later to tester");
  CHECK(end_of(rig.run(call)) == "skipped unverified");
  REQUIRE(rig.wait_verified());
  // The columns of another table are paired by what is left over, which two columns do not allow.
  CHECK(rig.state(0) == RuleState::broken);
  session.run("drop table later");
  CHECK(rig.law_holds());
}

TEST_CASE("statements that no rule covers are passed on") {
  EngineRig rig(options_on(shared_server()),
                {{"one", kItemRule, "select id, name from items where id = :id"}});
  CHECK(!rig.engine().intake(0).offer(UncoveredStatement{"select 1", "rule"}).has_value());
  CHECK(rig.report().wait(
      [](const RememberingReport& report) { return report.statements.size() == 1; }));
  CHECK(rig.law_holds());
}

TEST_CASE("libpq's environment does not reach the shadow connection") {
  setenv("PGOPTIONS", "-c search_path=nowhere", 1);
  setenv("PGTZ", "Asia/Tokyo", 1);
  setenv("PGHOSTADDR", "192.0.2.1", 1);
  setenv("PGSERVICE", "nothing", 1);
  auto options = options_on(shared_server());
  options.conninfo["host"] = shared_server().socket_directory();
  EngineRig rig(options,
                {{"zone", "SELECT 'Asia/Tokyo' AS zone FROM items WHERE id = :id",
                  "select current_setting('TimeZone') as zone from items where id = :id"}});
  REQUIRE(rig.wait_verified());
  CHECK(ends(rig, {"SELECT 'Asia/Tokyo' AS zone FROM items WHERE id = $1", {text("3")}}) ==
        all("mismatch value"));
  CHECK(std::getenv("PGTZ") == nullptr);
}
