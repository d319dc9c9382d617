#include "shadow/live_capture.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/unit/shadow/tap_fixture.h"

namespace parallax::shadow {

using namespace tests;

namespace {

std::vector<std::vector<std::string>> cells(const ResultSet& result) {
  std::vector<std::vector<std::string>> rows(result.rows());
  for (std::size_t row = 0; row < result.rows(); ++row) {
    for (std::size_t column = 0; column < result.columns().size(); ++column) {
      rows[row].emplace_back(result.cell(row, column).value_or("NULL"));
    }
  }
  return rows;
}
using Rows = std::vector<std::vector<std::string>>;

}  // namespace

TEST_CASE("what the client gets is copied as it streams, however it is cut") {
  Fixture fixture(one_rule());
  const auto answer = [&](const std::string& bytes) {
    for (const char byte : bytes) fixture.server(std::string(1, byte));
  };
  const auto rows = test::be::data_row({"u1", "Ann"}) + test::be::data_row({"u2", std::nullopt});
  SECTION("extended protocol") {
    fixture.client(test::fe::parse("", kSql) + bind("", {"u1", "1"}) + test::fe::execute() +
                   test::fe::sync());
    answer(kBound + rows + command_complete("SELECT 2") + ready('I'));
  }
  SECTION("simple protocol") {
    fixture.client(test::fe::query("SELECT id FROM users WHERE id = 'u1' LIMIT 1"));
    answer(rows + command_complete("SELECT 2") + ready('I'));
  }
  REQUIRE(fixture.intake.operations.size() == 1);
  const auto& live = fixture.intake.operations[0].live;
  REQUIRE(live.rows == 2U);
  REQUIRE(live.result != nullptr);
  CHECK(cells(*live.result) == Rows{{"u1", "Ann"}, {"u2", "NULL"}});
  CHECK_FALSE(live.result->columns()[0].binary);
  fixture.check_law();
}

TEST_CASE("where the shadow is another system nothing is copied, but rows are counted") {
  Fixture fixture(one_rule(), false, false);
  fixture.client(test::fe::query("SELECT id FROM users WHERE id = 'u1' LIMIT 1"));
  fixture.server(test::be::data_row({"u1"}) + command_complete("SELECT 1") + ready('I'));
  REQUIRE(fixture.intake.operations.size() == 1);
  CHECK(fixture.intake.operations[0].live.result == nullptr);
  CHECK(fixture.intake.operations[0].live.rows == 1U);
}

TEST_CASE("a portal that is read in parts is one operation with all its rows") {
  Fixture fixture(one_rule());
  fixture.simple("begin", "BEGIN", 'T');
  fixture.client(test::fe::parse("", kSql) + bind("", {"u1", "1"}) + test::fe::execute() +
                 test::fe::sync());
  fixture.server(kBound + test::be::data_row({"u1"}) + test::be::portal_suspended() + ready('T'));
  REQUIRE(fixture.intake.operations.empty());
  SECTION("to its end") {
    fixture.client(test::fe::execute() + test::fe::sync());
    fixture.server(test::be::data_row({"u2"}) + command_complete("SELECT 1") + ready('T'));
    REQUIRE(fixture.intake.operations.size() == 1);
    REQUIRE(fixture.intake.operations[0].live.rows == 2U);
    CHECK(cells(*fixture.intake.operations[0].live.result) == Rows{{"u1"}, {"u2"}});
  }
  SECTION("and left: the snapshot tells of the statement, nothing of the rest of its rows") {
    fixture.simple("commit", "COMMIT");
    REQUIRE(fixture.intake.operations.size() == 1);
    REQUIRE_FALSE(fixture.intake.operations[0].live.rows);
    REQUIRE(fixture.intake.operations[0].live.result == nullptr);
  }
  SECTION("and the session ends") {
    fixture.conversation.reset();
    fixture.listener.reset();
    REQUIRE(fixture.intake.operations.empty());
    REQUIRE(fixture.skipped(SkipReason::incomplete) == 1);
  }
  fixture.check_law();
}

TEST_CASE("a result that does not fit, or cannot be read, is not copied in part") {
  Fixture fixture(one_rule());
  const auto run = [&](const std::string& rows) {
    fixture.client(test::fe::parse("", kSql) + bind("", {"u1", "1"}) + test::fe::execute() +
                   test::fe::sync());
    fixture.server(kBound + rows + command_complete("SELECT 2") + ready('I'));
    return fixture.intake.operations.back().live;
  };
  const std::string row = test::be::data_row({std::string(5 * 1024 * 1024, 'x')});
  CHECK(run(row).result != nullptr);
  const auto large = run(row + row);
  CHECK(large.result == nullptr);
  CHECK(large.rows == 2U);
  CHECK(run(test::be::data_row({"a"}) + test::be::data_row({"a", "b"})).result == nullptr);
  CHECK(run(test::be::data_row({"a"})).result != nullptr);  // nothing is held any more
  fixture.check_law();
}

TEST_CASE("binary parameters without a declared type mean what the server says they are") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("s", kSql) + test::fe::describe_statement("s") + test::fe::sync());
  fixture.server(test::be::parse_complete() + test::be::parameter_description({25, 20}) +
                 test::be::no_data() + ready('I'));
  fixture.client(test::fe::bind("", "s", {"u1", "1"}, {1, 0}) + test::fe::execute() +
                 test::fe::sync());
  fixture.server(test::be::bind_complete() + command_complete("SELECT 0") + ready('I'));
  REQUIRE(fixture.intake.operations.size() == 1);
  const auto& parameters = fixture.intake.operations[0].statement.parameters;
  CHECK(parameters[0].type_oid == 25);
  CHECK(parameters[1].type_oid == 0);
  fixture.check_law();
}

}  // namespace parallax::shadow
