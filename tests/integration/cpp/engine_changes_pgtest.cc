// What changes under a verified rule: tables, and rows between two attempts.

#include <catch2/catch.hpp>

#include "tests/integration/cpp/database.h"
#include "tests/integration/cpp/engine_rig.h"

using namespace parallax;
using namespace parallax::pgtest;
using namespace parallax::shadow;

TEST_CASE("a type that was made anew is noticed, verified again, and is no mismatch") {
  auto& server = shared_server();
  Session session(server);
  session.run(
      "CREATE TYPE phase AS ENUM ('a', 'b'); CREATE TABLE phases (id int, now phase); "
      "INSERT INTO phases VALUES (1, 'a'); GRANT SELECT ON phases TO tester");
  EngineRig rig(options_on(server), {{"phase", "SELECT now::text FROM phases WHERE id = :id",
                                      "select now from phases where id = :id"}});
  REQUIRE(rig.wait_verified());
  const EngineRig::Call call{"SELECT now::text FROM phases WHERE id = $1", {text("1")}};
  CHECK(end_of(rig.run(call)) == "match");
  // What a migration tool does to change an enum.
  session.run(
      "CREATE TYPE phase_new AS ENUM ('a', 'b', 'c'); "
      "ALTER TABLE phases ALTER COLUMN now TYPE phase_new USING (now::text::phase_new); "
      "DROP TYPE phase; ALTER TYPE phase_new RENAME TO phase");
  CHECK(end_of(rig.run(call)) == "skipped unverified");
  REQUIRE(rig.wait_verified());
  CHECK(end_of(rig.run(call)) == "match");
  CHECK(rig.law_holds());
}

TEST_CASE("an error that the client had and that is gone now is no mismatch") {
  auto& server = shared_server();
  Session session(server);
  session.run(
      "CREATE TABLE stocks (id int, n int); INSERT INTO stocks VALUES (1, 0); "
      "GRANT SELECT ON stocks TO tester");
  EngineRig rig(options_on(server),
                {{"share", "SELECT 100 / n AS part FROM stocks WHERE id = :id",
                  "select 100 / n as part from stocks where id = :id"},
                 {"hides", "SELECT 100 / n AS p FROM stocks WHERE id = :id",
                  "select 100 / nullif(n, 0) as p from stocks where id = :id"}});
  REQUIRE(rig.wait_verified());
  const EngineRig::Call share{
      "SELECT 100 / n AS part FROM stocks WHERE id = $1", {text("1")}, "22012"};
  const EngineRig::Call hides{
      "SELECT 100 / n AS p FROM stocks WHERE id = $1", {text("1")}, "22012"};
  for (int i = 0; i < 2; ++i) {  // both orders
    CHECK(end_of(rig.run(share)) == "match");
    CHECK(end_of(rig.run(hides)) == "mismatch error");
  }
  session.run("UPDATE stocks SET n = 5");
  for (int i = 0; i < 2; ++i) CHECK(end_of(rig.run(share)) == "race");
  CHECK(rig.law_holds());
}

TEST_CASE("a rewrite that only the client's parameter types make possible is asked for once more") {
  auto& server = shared_server();
  Session session(server);
  session.run("CREATE TABLE asked (id int); GRANT SELECT ON asked TO tester");
  EngineRig rig(options_on(server), {{"typed", "SELECT id FROM asked WHERE id = :id",
                                      "select id from asked where id = :id and :id is not null"}});
  REQUIRE(rig.wait_verified());
  const Value one{.null = false, .binary = true, .type_oid = 700, .bytes = std::string(4, '\0')};
  const EngineRig::Call call{"SELECT id FROM asked WHERE id = $1", {one}};
  CHECK(end_of(rig.run(call)) == "skipped unverified");
  for (int i = 0; i < 5; ++i) {
    REQUIRE(rig.wait_verified());
    const auto outcome = rig.run(call);
    CHECK(end_of(outcome) == "skipped unverified");
    CHECK(outcome.detail.find("casts") != std::string::npos);
    CHECK(rig.state(0) == RuleState::ready);
  }
  CHECK(rig.law_holds());
}
