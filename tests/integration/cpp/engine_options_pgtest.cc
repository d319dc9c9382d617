// What a rule's options make of the same results: wanted differences, refused steps, tolerances.

#include <catch2/catch.hpp>
#include <chrono>

#include "tests/integration/cpp/database.h"
#include "tests/integration/cpp/engine_rig.h"

using namespace parallax;
using namespace parallax::pgtest;
using namespace parallax::shadow;
using namespace std::chrono_literals;

namespace {

const std::string kLegacy = "SELECT id, cost, share, seen FROM meters WHERE id <= :id";
const std::string kSent = "SELECT id, cost, share, seen FROM meters WHERE id <= $1";

PgServer& server_with_meters() {
  static PgServer& server = []() -> PgServer& {
    auto& shared = shared_server();
    Session session(shared);
    session.run(
        "CREATE TABLE meters (id int PRIMARY KEY, cost numeric, share float8, seen timestamp); "
        "INSERT INTO meters SELECT n, n + 0.5, n / 3.0, timestamp '2024-05-06 07:08:09' + n * "
        "interval '1 day' FROM generate_series(1, 9) n; GRANT SELECT ON meters TO tester");
    return shared;
  }();
  return server;
}

RuleText rule(const std::string& cost, const std::string& share, const std::string& seen,
              const std::string& where = "id <= :id") {
  RuleText text{"meters", kLegacy,
                "select id, " + cost + " as cost, " + share + " as share, " + seen +
                    " as seen from meters where " + where};
  text.columns = {{"cost", "cost"}, {"share", "share"}, {"seen", "seen"}};
  return text;
}

Outcome outcome_of(const RuleText& text) {
  EngineRig rig(options_on(server_with_meters()), {text});
  REQUIRE(rig.wait_verified());
  INFO(rig.report().reasons["meters"]);
  REQUIRE(rig.state(0) == RuleState::ready);
  const EngineRig::Call call{kSent, {pgtest::text("5")}};
  const auto first = rig.run(call);
  auto second = rig.run(call);  // the other order of the steps
  CHECK(end_of(first) == end_of(second));
  CHECK(rig.law_holds());
  return second;
}

Expectation wanted(std::set<MismatchKind> kinds, std::chrono::sys_days until) {
  return {std::move(kinds), until, "the new code does it otherwise", {}};
}

}  // namespace

TEST_CASE("a unique key of a parent table allows one row of its own, and more of its heirs") {
  Session session(server_with_meters());
  session.run(
      "CREATE TABLE parents (id int PRIMARY KEY, name text); "
      "CREATE TABLE children () INHERITS (parents); INSERT INTO parents VALUES (1, 'a'); "
      "INSERT INTO children VALUES (1, 'b'); CREATE TABLE lone (id int PRIMARY KEY, name text); "
      "INSERT INTO lone VALUES (1, 'a'); GRANT SELECT ON parents, lone TO tester");
  for (const auto& [table, end] :
       std::map<std::string, std::string>{{"lone", "mismatch value"}, {"parents", "unstable"}}) {
    RuleText text{"one", "SELECT name FROM " + table + " WHERE id = :id LIMIT 1",
                  "select name || '!' as name from " + table + " where id = :id limit 1"};
    text.columns = {{"name", "name"}};
    EngineRig rig(options_on(server_with_meters()), {text});
    REQUIRE(rig.wait_verified());
    CHECK(end_of(rig.run({"SELECT name FROM " + table + " WHERE id = $1 LIMIT 1",
                          {pgtest::text("1")}})) == end);
  }
}

TEST_CASE("a wanted difference is expected until the end of its day, and a mismatch afterwards") {
  auto fewer = rule("cost", "share", "seen", "id <= :id and id <> 2");
  CHECK(end_of(outcome_of(fewer)) == "mismatch missing_row");
  fewer.expect = {wanted({MismatchKind::missing_row}, today_utc() + std::chrono::days(1))};
  CHECK(end_of(outcome_of(fewer)) == "expected missing_row");
  fewer.expect = {wanted({MismatchKind::missing_row}, today_utc() - std::chrono::days(1))};
  CHECK(end_of(outcome_of(fewer)) == "mismatch missing_row");
  fewer.expect = {wanted({MismatchKind::extra_row}, today_utc() + std::chrono::days(1))};
  CHECK(end_of(outcome_of(fewer)) == "mismatch missing_row");
}

TEST_CASE("a difference that is not wanted shows through one that is") {
  auto both = rule("case id when 3 then 0 else cost end", "share", "seen", "id <= :id and id <> 2");
  const auto until = today_utc() + std::chrono::days(1);
  both.expect = {wanted({MismatchKind::missing_row}, until)};
  CHECK(end_of(outcome_of(both)) == "mismatch missing_row");
  both.expect.push_back(wanted({MismatchKind::value}, until));
  CHECK(end_of(outcome_of(both)) == "expected missing_row");
}

TEST_CASE("a step that treat refuses is a mismatch") {
  auto scaled = rule("cost * 1.00", "share", "seen");
  const auto match = outcome_of(scaled);
  CHECK(end_of(match) == "match");
  CHECK(match.steps == std::vector{EqualStep::numeric_scale});
  scaled.compare.treat_as_mismatch = {EqualStep::numeric_scale};
  CHECK(end_of(outcome_of(scaled)) == "mismatch value");
  scaled.compare.treat_as_mismatch = {EqualStep::enum_text};
  CHECK(end_of(outcome_of(scaled)) == "match");
}

TEST_CASE("floats may differ by the tolerance of the rule") {
  auto near = rule("cost", "share * (1 + 1e-12::float8)", "seen");
  CHECK(end_of(outcome_of(near)) == "mismatch value");
  near.compare.float_tolerance = 1e-9;
  const auto match = outcome_of(near);
  CHECK(end_of(match) == "match");
  CHECK(match.steps == std::vector{EqualStep::float_tolerance});
  near.compare.float_tolerance = 1e-14;
  CHECK(end_of(outcome_of(near)) == "mismatch value");
}

TEST_CASE("a clock allows its column to be off") {
  auto late = rule("cost", "share", "seen + interval '3 s'");
  CHECK(end_of(outcome_of(late)) == "mismatch value");
  late.compare.clock["seen"] = 5s;
  const auto match = outcome_of(late);
  CHECK(end_of(match) == "match");
  CHECK(match.steps == std::vector{EqualStep::clock});
  late.compare.clock["seen"] = 2s;
  CHECK(end_of(outcome_of(late)) == "mismatch value");
}

TEST_CASE("a clock of a column that has none breaks the rule") {
  const auto reason_of = [](RuleText text, const std::string& label) {
    text.compare.clock[label] = 5s;
    EngineRig rig(options_on(server_with_meters()), {text});
    REQUIRE(rig.wait_verified());
    CHECK(rig.state(0) == RuleState::broken);
    CHECK(end_of(rig.run({text.legacy == kLegacy ? kSent : "SELECT id, seen, seen FROM meters",
                          text.legacy == kLegacy ? std::vector{pgtest::text("5")}
                                                 : std::vector<Value>{}})) == "skipped broken");
    return rig.report().reasons["meters"];
  };
  const auto same = rule("cost", "share", "seen");
  CHECK(reason_of(same, "updatedAt") ==
        "`clock` names column \"updatedAt\", which legacy does not have");
  CHECK(reason_of(same, "cost") ==
        "`clock` names column \"cost\" of type numeric: only timestamps have a clock");
  RuleText twice{"meters", "SELECT id, seen, seen FROM meters",
                 "select id, seen, seen from meters"};
  CHECK(reason_of(twice, "seen") ==
        "`clock` names column \"seen\", which legacy has several times");
}
