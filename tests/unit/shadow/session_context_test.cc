#include "shadow/session_context.h"

#include <catch2/catch.hpp>

namespace parallax::shadow {
namespace {

protocol::StartupParameters startup(std::vector<std::pair<std::string, std::string>> values) {
  return {.values = std::move(values)};
}
SessionContext own_session() {
  return {startup({{"user", "app"}, {"database", "shop"}}), "app", "shop"};
}

StatementShape shape(std::string_view sql) {
  auto result = shape_of(sql, ShapeDialect::statement);
  REQUIRE(std::holds_alternative<StatementShape>(result));
  return std::get<StatementShape>(std::move(result));
}
std::optional<SkipReason> after(std::string_view tag, std::string_view sql) {
  auto context = own_session();
  const auto known = shape(sql);
  context.completed(tag, &known);
  return context.obstacle();
}

}  // namespace

TEST_CASE("a session of the shadow's own user and database can be replayed; others cannot") {
  REQUIRE_FALSE(own_session().obstacle());
  REQUIRE(
      SessionContext(startup({{"user", "bob"}, {"database", "shop"}}), "app", "shop").obstacle() ==
      SkipReason::context);
  REQUIRE(
      SessionContext(startup({{"user", "app"}, {"database", "other"}}), "app", "shop").obstacle() ==
      SkipReason::other_database);
  // The database defaults to the user, as in the server.
  REQUIRE_FALSE(SessionContext(startup({{"user", "app"}}), "app", "app").obstacle());
}

TEST_CASE("commands that may change settings end comparison for the session") {
  REQUIRE(after("SET", "set timezone = 'UTC'") == SkipReason::context);
  REQUIRE(after("SET", "SET LOCAL search_path = x") == SkipReason::context);
  REQUIRE(after("SET", "set session characteristics as transaction read only") ==
          SkipReason::context);
  REQUIRE(after("RESET", "reset all") == SkipReason::context);
  REQUIRE(after("DISCARD ALL", "discard all") == SkipReason::context);
  REQUIRE(after("CALL", "call p()") == SkipReason::context);
  REQUIRE(after("DO", "do $$ begin end $$") == SkipReason::context);
  REQUIRE(after("SELECT 1", "select set_config('role', 'x', false)") == SkipReason::context);
  REQUIRE(after("SELECT 1", "select pg_catalog.set_config($1, $2, true)") == SkipReason::context);
  auto context = own_session();
  context.completed("SET", nullptr);
  context.ready('I');
  REQUIRE(context.obstacle() == SkipReason::context);  // also in later transactions
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
       {std::pair{"INSERT 0 1", "insert into t values (1)"},
        {"UPDATE 3", "update t set a = 1"},
        {"DELETE 0", "delete from t"},
        {"MERGE 1", "merge into t using u on true when matched then delete"},
        {"COPY 3", "copy t from stdin"},
        {"CREATE TABLE", "create table x (a int)"},
        {"TRUNCATE TABLE", "truncate t"},
        {"SELECT 1", "with x as (insert into t values (1) returning a) select * from x"}}) {
    INFO(sql);
    auto context = own_session();
    const auto known = shape(sql);
    context.completed(tag, &known);
    REQUIRE(context.obstacle() == SkipReason::txn_wrote);
    context.ready('T');
    REQUIRE(context.obstacle() == SkipReason::txn_wrote);
    context.ready('I');
    REQUIRE_FALSE(context.obstacle());
  }
  // The tag alone tells, too: EXECUTE of an SQL-level prepared statement.
  auto context = own_session();
  context.completed("INSERT 0 1", nullptr);
  REQUIRE(context.obstacle() == SkipReason::txn_wrote);
}

TEST_CASE("tables made by a query count as written: their tag is SELECT") {
  REQUIRE(after("SELECT 5", "create table x as select 1") == SkipReason::txn_wrote);
  REQUIRE(after("SELECT 5", "select 1 as a into x") == SkipReason::txn_wrote);
}

TEST_CASE("temporary objects end comparison: they may hide others of the same name") {
  REQUIRE(after("CREATE TABLE", "create temp table t (a int)") == SkipReason::temp_objects);
  auto context = own_session();
  const auto known = shape("create temporary view v as select 1");
  context.completed("CREATE VIEW", &known);
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
}

TEST_CASE("strings with backslash escapes are read otherwise, so such a session is not compared") {
  auto context = own_session();
  context.parameter_status("standard_conforming_strings", "on");
  REQUIRE_FALSE(context.obstacle());
  context.parameter_status("standard_conforming_strings", "off");
  REQUIRE(context.obstacle() == SkipReason::context);
}

TEST_CASE("a reported setting that changes later was changed by something that was not seen") {
  auto context = own_session();
  context.parameter_status("TimeZone", "UTC");  // at the start the server reports all of them
  context.ready('I');
  REQUIRE_FALSE(context.obstacle());
  context.parameter_status("application_name", "x");
  REQUIRE_FALSE(context.obstacle());
  context.parameter_status("TimeZone", "Asia/Tokyo");
  REQUIRE(context.obstacle() == SkipReason::context);
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
      "app", "shop");
  REQUIRE_FALSE(context.obstacle());
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"timezone", "America/New_York"},
      {"search_path", "a,b"},
      {"extra_float_digits", "0"},
      {"datestyle", "SQL DMY"}};
  REQUIRE(context.settings() == expected);
  REQUIRE(SessionContext(startup({{"user", "app"}, {"database", "shop"}, {"options", "-O"}}), "app",
                         "shop")
              .obstacle() == SkipReason::context);
}

}  // namespace parallax::shadow
