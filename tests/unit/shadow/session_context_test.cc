#include "shadow/session_context.h"

#include <catch2/catch.hpp>

#include "shadow/rules/concat.h"

namespace parallax::shadow {
namespace {

protocol::StartupParameters startup(std::vector<std::pair<std::string, std::string>> values) {
  return {.values = std::move(values)};
}
SessionContext own_session() {
  return {startup({{"user", "app"}, {"database", "shop"}}), "app", "shop", Identity::same_user};
}

StatementShape shape(std::string_view sql) {
  auto result = shape_of(sql, ShapeDialect::statement);
  REQUIRE(std::holds_alternative<StatementShape>(result));
  return std::get<StatementShape>(std::move(result));
}
void run(SessionContext& context, std::string_view tag, const std::string& sql) {
  const auto known = shape(sql);
  std::vector<std::vector<SettingEffect>> effects;
  if (may_have_setting_effects(known.key, known.sets_config)) effects = setting_effects(sql);
  context.completed(tag, &known,
                    effects.empty() ? std::span<const SettingEffect>() : effects.front());
}
std::optional<SkipReason> after(std::string_view tag, const std::string& sql) {
  auto context = own_session();
  run(context, tag, sql);
  return context.obstacle();
}
using Settings = std::vector<std::pair<std::string, std::string>>;

}  // namespace

TEST_CASE("a session of the shadow's own user and database can be replayed; others cannot") {
  REQUIRE_FALSE(own_session().obstacle());
  REQUIRE(SessionContext(startup({{"user", "bob"}, {"database", "shop"}}), "app", "shop",
                         Identity::same_user)
              .obstacle() == SkipReason::context);
  REQUIRE(SessionContext(startup({{"user", "app"}, {"database", "other"}}), "app", "shop",
                         Identity::same_user)
              .obstacle() == SkipReason::other_database);
  // The database defaults to the user, as in the server.
  REQUIRE_FALSE(
      SessionContext(startup({{"user", "app"}}), "app", "app", Identity::same_user).obstacle());
}

TEST_CASE("what changes settings in ways that are not seen ends comparison for the session") {
  REQUIRE(after("CALL", "call p()") == SkipReason::context);
  REQUIRE(after("DO", "do $$ begin end $$") == SkipReason::context);
  REQUIRE(after("SELECT 1", "select set_config(a, b, false) from t") == SkipReason::context);
  REQUIRE(after("SELECT 1", "select coalesce(set_config('a', 'b', false), 'x')") ==
          SkipReason::context);
  REQUIRE(after("SELECT 1", "select set_config('a', 'b', false) where false") ==
          SkipReason::context);
  auto context = own_session();
  context.completed("SET", nullptr, {});
  context.unreadable();
  context.ready('I');
  REQUIRE(context.obstacle() == SkipReason::context);  // also in later transactions
  run(context, "DISCARD ALL", "discard all");
  REQUIRE_FALSE(context.obstacle());
}

TEST_CASE("settings are followed as transactions and savepoints keep or undo them") {
  auto context = own_session();
  context.ready('I');
  const auto now = [&context] { return context.replay_context().settings; };
  run(context, "SET", "set search_path to a, \"B\"");
  context.ready('I');
  const std::pair<std::string, std::string> path{"search_path", "a, \"B\""};
  REQUIRE(now() == Settings{path});
  run(context, "BEGIN", "begin");
  run(context, "SELECT 1", "select set_config('app.tenant', 't1', true)");
  run(context, "SET", "set local role reader");
  context.ready('T');
  REQUIRE(now() == Settings{{"app.tenant", "t1"}, path, {"role", "reader"}});  // the role last
  run(context, "SAVEPOINT", "savepoint s");
  run(context, "SET", "set app.tenant = 't2'");
  run(context, "RESET", "reset search_path");
  REQUIRE(now() == Settings{{"app.tenant", "t2"}, {"role", "reader"}});
  run(context, "ROLLBACK", "rollback to s");
  REQUIRE(now() == Settings{{"app.tenant", "t1"}, path, {"role", "reader"}});
  run(context, "COMMIT", "commit");
  context.ready('I');
  REQUIRE(now() == Settings{{"app.tenant", ""}, path});  // the server keeps the name
  run(context, "BEGIN", "begin");
  run(context, "SET", "set work_mem = '8MB'");
  context.ready('T');
  run(context, "ROLLBACK", "rollback");
  context.ready('I');
  REQUIRE(now() == Settings{{"app.tenant", ""}, path});
}

TEST_CASE("an error undoes what ran since the last Sync, but not what a block has begun with") {
  auto context = own_session();
  context.ready('I');
  run(context, "SET", "set work_mem = '8MB'");
  context.failed();
  context.ready('I');
  REQUIRE(context.replay_context().settings.empty());
  run(context, "SET", "set work_mem = '8MB'");
  context.ready('I');
  context.failed();
  context.ready('I');
  REQUIRE(context.replay_context().settings == Settings{{"work_mem", "8MB"}});
}

TEST_CASE("RESET ALL leaves a role for as long as it was set") {
  auto context = own_session();
  context.ready('I');
  run(context, "BEGIN", "begin");
  run(context, "SET", "set local role reader");
  run(context, "SET", "set work_mem = 64");
  run(context, "RESET", "reset all");
  REQUIRE(context.replay_context().settings == Settings{{"role", "reader"}});
  run(context, "COMMIT", "commit");
  REQUIRE(context.replay_context().settings.empty());
}

TEST_CASE("values of SET as the server stores them") {
  const auto value = [](const std::string& sql) {
    const auto effects = setting_effects(sql);
    REQUIRE(effects.size() == 1);
    REQUIRE(effects.front().size() == 1);
    return effects.front().front().value;
  };
  CHECK(value("set extra_float_digits = -3") == "-3");
  CHECK(value("set extra_float_digits to - 15") == "-15");
  CHECK(value("set extra_float_digits to 0") == "0");
  CHECK(value("set a.b = -0.5") == "-0.5");
  CHECK(value("set work_mem = 2048") == "2048");
  CHECK(value("set x to on") == "on");
  CHECK(value("set search_path to public, \"$user\", \"Odd\", 'select', 'a b'") ==
        "public, \"$user\", \"Odd\", \"select\", \"a b\"");
  CHECK(value("set search_path = ''") == "\"\"");
  CHECK(value("set application.list to 'a', 'b'") == "a, b");
  CHECK(value("set local time zone 'Asia/Tokyo'") == "Asia/Tokyo");
  CHECK(value("select set_config('x.y', 'it''s', true)") == "it's");
}

TEST_CASE("each statement of a text has its own effects") {
  const auto effects = setting_effects(
      "select a from t where b = 1; begin; set local x.y = 'z'; select set_config('x.y', 'w', "
      "true)");
  REQUIRE(effects.size() == 4);
  CHECK(effects[0].empty());
  CHECK(effects[1].empty());
  CHECK(effects[2].front().kind == SettingEffect::Kind::set_local);
  CHECK(effects[3].front().value == "w");
}

TEST_CASE("a text that the parser cannot be asked about is of unknown effect") {
  // With 90,000 of them libpg_query has overflown a stack of 8 MiB.
  std::string sum = "1";
  for (int i = 0; i < 120'000; ++i) sum += "+1";
  for (const char* before : {"select set_config('x.y', 'z', true), ",
                             "update t set a = ", "set local x.y = 'z'; select "}) {
    const auto effects = setting_effects(concat({before, sum, "; select 1"}));
    REQUIRE(effects.size() == 1);
    REQUIRE(effects.front().size() == 1);
    CHECK(effects.front().front().kind == SettingEffect::Kind::unknown);
  }
}

TEST_CASE("batches without a statement that sets something are not parsed") {
  const auto asks = [](std::string_view sql) {
    const auto known = shape(sql);
    return may_have_setting_effects(known.key, known.sets_config);
  };
  CHECK_FALSE(asks("begin; insert into t values (1); insert into t values (2); commit"));
  CHECK_FALSE(asks("select 1 as \"set\"; update t set a = 1"));
  CHECK(asks("select 1; set local x.y = 'z'"));
  CHECK(asks("select 1;savepoint s"));
  CHECK(asks("rollback; select 1"));
  CHECK(asks("select 1; select set_config('a.b', 'c', true); select 2"));
}

TEST_CASE("savepoints that are never released take no memory without end") {
  auto context = own_session();
  context.ready('I');
  run(context, "BEGIN", "begin");
  run(context, "SAVEPOINT", "savepoint first");
  for (int i = 0; i < 1000; ++i) run(context, "SAVEPOINT", "savepoint again");
  run(context, "SAVEPOINT", "savepoint last");
  run(context, "SET", "set work_mem = '8MB'");
  run(context, "ROLLBACK", "rollback to last");
  CHECK(context.replay_context().settings.empty());
  CHECK_FALSE(context.obstacle());
  run(context, "ROLLBACK", "rollback to first");
  CHECK(context.obstacle() == SkipReason::context);
  run(context, "ROLLBACK", "rollback");
  context.ready('I');
  CHECK_FALSE(context.obstacle());
}

TEST_CASE("who somebody else is, is not known") {
  auto context = own_session();
  run(context, "SET", "set session authorization other");
  context.parameter_status("session_authorization", "other");
  REQUIRE(context.obstacle() == SkipReason::context);
}

TEST_CASE("identity set_role: the replay takes the session's role, or the one that it has taken") {
  SessionContext context(startup({{"user", "bob"}, {"database", "shop"}}), "app", "shop",
                         Identity::set_role);
  REQUIRE_FALSE(context.obstacle());
  REQUIRE(context.replay_context().settings == Settings{{"role", "bob"}});
  run(context, "SET", "set role reader");
  REQUIRE(context.replay_context().settings == Settings{{"role", "reader"}});
}

TEST_CASE("how the session's texts are written") {
  auto context = own_session();
  context.parameter_status("DateStyle", "ISO, MDY");
  context.parameter_status("IntervalStyle", "postgres");
  context.ready('I');
  REQUIRE(context.replay_context().style == TextStyle{});
  run(context, "SET", "set datestyle = german");
  REQUIRE_FALSE(context.replay_context().style.iso_dates);
  context.ready('I');
  run(context, "SET", "set extra_float_digits = 0");
  REQUIRE_FALSE(context.replay_context().style.exact_floats);
}

TEST_CASE("what belongs to the transaction alone changes nothing") {
  REQUIRE_FALSE(after("SET", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"));
  REQUIRE_FALSE(after("SET", "set transaction read only"));
  REQUIRE_FALSE(after("BEGIN", "begin isolation level repeatable read"));
  REQUIRE_FALSE(after("SAVEPOINT", "savepoint a"));
  REQUIRE_FALSE(after("SELECT 5", "select * from t"));
}

TEST_CASE("a transaction that has written is skipped until it ends") {
  for (const auto& [tag, sql] :
       {std::pair<const char*, const char*>{"INSERT 0 1", "insert into t values (1)"},
        {"UPDATE 3", "update t set a = 1"},
        {"DELETE 0", "delete from t"},
        {"MERGE 1", "merge into t using u on true when matched then delete"},
        {"COPY 3", "copy t from stdin"},
        {"CREATE TABLE", "create table x (a int)"},
        {"TRUNCATE TABLE", "truncate t"},
        {"SELECT 1", "with x as (insert into t values (1) returning a) select * from x"}}) {
    INFO(sql);
    auto context = own_session();
    run(context, tag, sql);
    REQUIRE(context.obstacle() == SkipReason::txn_wrote);
    context.ready('T');
    REQUIRE(context.obstacle() == SkipReason::txn_wrote);
    context.ready('I');
    REQUIRE_FALSE(context.obstacle());
  }
  // The tag alone tells, too: EXECUTE of an SQL-level prepared statement.
  auto context = own_session();
  context.completed("INSERT 0 1", nullptr, {});
  REQUIRE(context.obstacle() == SkipReason::txn_wrote);
}

TEST_CASE("tables made by a query count as written: their tag is SELECT") {
  REQUIRE(after("SELECT 5", "create table x as select 1") == SkipReason::txn_wrote);
  REQUIRE(after("SELECT 5", "select 1 as a into x") == SkipReason::txn_wrote);
}

TEST_CASE("temporary objects end comparison: they may hide others of the same name") {
  REQUIRE(after("CREATE TABLE", "create temp table t (a int)") == SkipReason::temp_objects);
  auto context = own_session();
  run(context, "CREATE VIEW", "create temporary view v as select 1");
  context.ready('I');
  REQUIRE(context.obstacle() == SkipReason::temp_objects);
}

TEST_CASE("an encoding that is not UTF-8 and a text that could not be read are unknown context") {
  auto context = own_session();
  context.parameter_status("client_encoding", "LATIN1");
  REQUIRE(context.obstacle() == SkipReason::context);
  context.parameter_status("client_encoding", "UTF8");
  REQUIRE_FALSE(context.obstacle());
  context.unreadable();
  REQUIRE(context.obstacle() == SkipReason::context);
  // Nor could this one be read; its tag says what it was.
  context.unreadable();
  context.completed("DISCARD ALL", nullptr, {});
  REQUIRE_FALSE(context.obstacle());
}

TEST_CASE("strings with backslash escapes are read otherwise, so such a session is not compared") {
  auto context = own_session();
  context.parameter_status("standard_conforming_strings", "on");
  REQUIRE_FALSE(context.obstacle());
  context.parameter_status("standard_conforming_strings", "off");
  REQUIRE(context.obstacle() == SkipReason::context);
}

TEST_CASE("a reported setting that no statement explains is what the server says") {
  auto context = own_session();
  context.parameter_status("TimeZone", "UTC");  // at the start the server reports all of them
  context.ready('I');
  REQUIRE_FALSE(context.obstacle());
  context.parameter_status("application_name", "x");
  REQUIRE_FALSE(context.obstacle());
  context.parameter_status("TimeZone", "Asia/Tokyo");
  context.ready('I');
  REQUIRE(context.replay_context().settings == Settings{{"timezone", "Asia/Tokyo"}});
}

TEST_CASE(
    "settings of the startup packet are carried into the replay, names and timeouts are not") {
  const SessionContext context(
      startup({{"user", "app"},
               {"database", "shop"},
               {"application_name", "x"},
               {"client_encoding", "UTF8"},
               {"TimeZone", "America/New_York"},
               {"statement_timeout", "5"},
               {"_pq_.x", "1"},
               {"options", "-c search_path=a,b --extra-float-digits=0 -cDateStyle=SQL\\ DMY"}}),
      "app", "shop", Identity::same_user);
  REQUIRE_FALSE(context.obstacle());
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"datestyle", "SQL DMY"},
      {"extra_float_digits", "0"},
      {"search_path", "a,b"},
      {"timezone", "America/New_York"}};
  REQUIRE(context.replay_context().settings == expected);
  REQUIRE(SessionContext(startup({{"user", "app"}, {"database", "shop"}, {"options", "-O"}}), "app",
                         "shop", Identity::same_user)
              .obstacle() == SkipReason::context);
}

}  // namespace parallax::shadow
