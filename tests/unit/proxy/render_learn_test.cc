#include "proxy/render_learn.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <variant>

namespace parallax::proxy {
namespace {

using shadow::Side;

shadow::LearnedStatement statement(Side side, const std::string& sql, double seconds) {
  shadow::LearnedStatement one;
  one.side = side;
  one.text = sql;
  one.shape =
      std::get<shadow::StatementShape>(shadow::shape_of(sql, shadow::ShapeDialect::statement));
  one.count = 4;
  one.seconds = seconds;
  return one;
}

TEST_CASE("what passed is a table, the slowest first, without values") {
  shadow::LearnedTraffic traffic;
  traffic.statements.push_back(
      statement(Side::legacy, "select a\n\tfrom t where b = 'secret'", 0.004));
  traffic.statements.push_back(
      statement(Side::legacy, "select slow from t where n in (41, 42)", 4));
  traffic.statements.push_back(statement(Side::rewrite, "select oid from pg_type", 0.1));
  traffic.statements[1].operations["job\n.run"] = 4;
  traffic.statements[1].failed = 1;
  shadow::Proposals proposals;
  proposals.uses.resize(3);
  proposals.uses[0].covered_by = {"a.rule", "b.rule"};
  proposals.uses[1].proposed_in = {"jobs"};
  proposals.uses[2].of_catalog = true;
  const auto text = render_traffic(traffic, proposals, {.colour = false, .width = 160});
  CHECK(text.find("secret") == std::string::npos);
  CHECK(text.find("42") == std::string::npos);
  CHECK(text.find("       4        1    4000.0    1000.0  new: jobs") != std::string::npos);
  CHECK(text.find("a.rule +1") != std::string::npos);
  CHECK(text.find("select a from t where b = ?") != std::string::npos);
  CHECK(text.find("[job\\n.run]") != std::string::npos);
  CHECK(text.find("new: jobs") < text.find("a.rule"));
  CHECK(text.find("(catalog)") > text.find("rewrite\n"));
}

TEST_CASE("what was not kept is told") {
  shadow::LearnedTraffic traffic;
  CHECK(render_traffic(traffic, {}, {}) == "nothing has passed\n");
  traffic.other_commands = {{"INSERT", 3}, {"BEGIN", 1}};
  traffic.unreadable = 1;
  traffic.unchosen = 2;
  traffic.beyond = 7;
  const auto text = render_traffic(traffic, {}, {});
  for (const char* part : {"not SELECT: BEGIN 1, INSERT 3", "1 statement that could not be read",
                           "2 statements of neither side", "7 executions of further statements"})
    CHECK(text.find(part) != std::string::npos);
}

}  // namespace
}  // namespace parallax::proxy
