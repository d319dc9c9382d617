#include "shadow/compare/result_set.h"

#include <catch2/catch.hpp>

#include "tests/unit/shadow/compare/results.h"

namespace parallax::shadow {
namespace {

using namespace tests;

TEST_CASE("cells come back as they were added, NULL apart from empty") {
  const ResultSet result =
      result_of(typed({kText, kText}), {{"x", kNull}, {"", "yy"}, {kNull, kNull}, {"z", ""}});
  REQUIRE(result.rows() == 4);
  CHECK(result.cell(0, 0) == "x");
  CHECK(result.cell(0, 1) == std::nullopt);
  CHECK(result.cell(1, 0) == "");
  CHECK(result.cell(1, 1) == "yy");
  CHECK(result.cell(2, 0) == std::nullopt);
  CHECK(result.cell(2, 1) == std::nullopt);
  CHECK(result.cell(3, 0) == "z");
  CHECK(result.cell(3, 1) == "");
}

TEST_CASE("bytes counts what is held: text and 8 bytes for each cell") {
  CHECK(ResultSet().bytes() == 0);
  CHECK(result_of(typed({kText, kText}), {{"abc", kNull}, {"", "de"}}).bytes() == 5 + 4 * 8);
}

TEST_CASE("a result without columns counts rows") {
  ResultSet result;
  CHECK(result.rows() == 0);
  result.add_empty_row();
  result.add_empty_row();
  CHECK(result.rows() == 2);
}

TEST_CASE("a row that is still incomplete is no row") {
  ResultSet result(typed({kText, kText}));
  result.add_cell("x");
  CHECK(result.rows() == 0);
  result.add_cell("y");
  CHECK(result.rows() == 1);
}

TEST_CASE("same_cells is exact") {
  const auto columns = typed({kText, kText});
  const ResultSet base = result_of(columns, {{"ab", "c"}, {kNull, ""}});
  CHECK(base.same_cells(result_of(columns, {{"ab", "c"}, {kNull, ""}})));
  CHECK_FALSE(base.same_cells(result_of(columns, {{"a", "bc"}, {kNull, ""}})));
  CHECK_FALSE(base.same_cells(result_of(columns, {{"ab", "c"}, {"", kNull}})));
  CHECK_FALSE(base.same_cells(result_of(columns, {{"ab", "d"}, {kNull, ""}})));
  CHECK_FALSE(base.same_cells(result_of(columns, {{"ab", "c"}})));
  CHECK_FALSE(base.same_cells(result_of(typed({kText}), {{"ab"}, {"c"}, {kNull}, {""}})));
  ResultSet one;
  one.add_empty_row();
  CHECK_FALSE(one.same_cells(ResultSet()));
}

}  // namespace
}  // namespace parallax::shadow
