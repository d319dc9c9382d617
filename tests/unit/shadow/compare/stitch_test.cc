// Results put together along their links.

#include "shadow/compare/stitch.h"

#include <catch2/catch.hpp>
#include <initializer_list>

#include "shadow/compare/compare.h"

namespace parallax::shadow {
namespace {

constexpr std::uint32_t kText = 25;
constexpr std::uint32_t kInt4 = 23;
constexpr std::uint32_t kInt8 = 20;
using Cell = std::optional<std::string>;
using Row = std::vector<Cell>;

ColumnInfo column(std::string label, std::uint32_t type = kText) {
  return {std::move(label), 0, 0, type, false};
}

ResultSet rows(std::vector<ColumnInfo> columns, const std::vector<Row>& cells) {
  ResultSet result(std::move(columns));
  for (const Row& row : cells) {
    for (const Cell& cell : row) result.add_cell(cell);
  }
  return result;
}

std::vector<Row> cells_of(const ResultSet& result) {
  std::vector<Row> all;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    auto& cells = all.emplace_back();
    for (std::size_t c = 0; c < result.columns().size(); ++c) {
      const auto cell = result.cell(row, c);
      cells.push_back(cell ? Cell(std::string(*cell)) : std::nullopt);
    }
  }
  return all;
}

// A user's memberships and tags; roles of memberships.
struct World {
  Rule rule;
  std::vector<std::vector<ColumnInfo>> columns = {
      {column("id"), column("name")},
      {column("id"), column("userId"), column("roleId", kInt4)},
      {column("tag"), column("owner")},
      {column("id", kInt8), column("name")}};
  std::vector<ResultSet> results;
  TypeCatalog types;

  World() {
    rule.legacy.resize(4);
    const char* const names[] = {"user", "m", "tags", "roles"};
    for (std::size_t i = 0; i < 4; ++i) rule.legacy[i].name = names[i];
    rule.legacy[1].link = Link{0, "id", 0, 1, "user.id"};
    rule.legacy[2].link = Link{0, "id", 0, 1, "user.id"};
    rule.legacy[3].link = Link{1, "roleId", 0, 0, "m.roleId"};
    results = {rows(columns[0], {{"u1", "Ann"}, {"u2", "Bob"}}), rows(columns[1], {}),
               rows(columns[2], {}), rows(columns[3], {})};
  }
  Stitching stitching() const { return std::get<Stitching>(make_stitching(rule.legacy, columns)); }
  std::optional<ResultSet> whole(std::size_t bytes_max = 1 << 20) const {
    std::vector<const ResultSet*> parts;
    for (const auto& result : results) parts.push_back(&result);
    return stitch(stitching(), types, {}, parts, bytes_max);
  }
};

TEST_CASE("a parent without children has a row of NULLs") {
  World world;
  world.results[1] = rows(world.columns[1], {{"m1", "u2", "5"}, {"m2", "u2", std::nullopt}});
  world.results[3] = rows(world.columns[3], {{"5", "admin"}});
  CHECK(cells_of(*world.whole()) ==
        std::vector<Row>{{"u1", "Ann", {}, {}, {}, {}, {}, {}, {}},
                         {"u2", "Bob", "m1", "u2", "5", {}, {}, "5", "admin"},
                         {"u2", "Bob", "m2", "u2", {}, {}, {}, {}, {}}});
}

TEST_CASE("children of one parent that have nothing to do with each other multiply, as in a join") {
  World world;
  world.results[1] = rows(world.columns[1], {{"m1", "u1", "5"}, {"m2", "u1", "6"}});
  world.results[2] = rows(world.columns[2], {{"x", "u1"}, {"y", "u1"}});
  CHECK(world.whole()->rows() == 5);
}

TEST_CASE("a child is repeated for each of its parents; one that nobody has is not there") {
  World world;
  world.results[1] = rows(world.columns[1], {{"m1", "u1", "5"}, {"m2", "u2", "5"}});
  world.results[3] = rows(world.columns[3], {{"5", "admin"}, {"9", "nobody's"}});
  const auto whole = cells_of(*world.whole());
  REQUIRE(whole.size() == 2);
  CHECK(whole[0].back() == "admin");
  CHECK(whole[1].back() == "admin");
}

TEST_CASE("labels are those that a rule names, statement by statement") {
  World world;
  const auto whole = *world.whole();
  CHECK(whole.columns()[0].label == "user.id");
  CHECK(whole.columns()[4].label == "m.roleId");
  CHECK(world.stitching().columns().size() == 9);
  CHECK(world.stitching().parts[3].first == 7);
}

TEST_CASE("other columns than verified: no rows, and the columns tell") {
  World world;
  world.results[2] = rows({column("tag")}, {{"x"}});
  CHECK(world.whole()->rows() == 0);
  CHECK(world.whole()->columns().size() == 8);
}

TEST_CASE("a column that has moved to another statement is another number of columns") {
  World world;
  world.results[2] = rows({column("tag")}, {{"x"}});
  auto more = world.columns[3];
  more.push_back(column("owner"));
  world.results[3] = rows(more, {});
  CHECK(world.whole()->rows() == 0);
  CHECK(world.whole()->columns().size() != world.stitching().columns().size());
}

TEST_CASE("what is too much is nothing") {
  World world;
  CHECK_FALSE(world.whole(16));
}

TEST_CASE("a link needs its column once in the parent") {
  World world;
  world.columns[0] = {column("key"), column("name")};
  CHECK(std::get<std::string>(make_stitching(world.rule.legacy, world.columns)) ==
        "the link `:user.id`: `user` has no column \"id\"");
  world.columns[0] = {column("id"), column("id")};
  CHECK(std::get<std::string>(make_stitching(world.rule.legacy, world.columns)) ==
        "the link `:user.id`: `user` has several columns \"id\"");
}

// Shelves with books, both sides stitched or joined: what order, LIMIT and pairing make of it.
struct Books {
  Rule rule;
  Pairing pairing;
  Catalog catalog;
  std::vector<ColumnInfo> columns = {column("shelves.name"), column("books.shelf"),
                                     column("books.title")};
  Books() {
    rule.legacy.resize(2);
    rule.legacy[0].order.ordered = rule.legacy[1].order.ordered = true;
    rule.legacy[0].order.keys = {{"name", std::nullopt, "name asc"}};
    rule.legacy[1].order.keys = {{"title", std::nullopt, "title asc"}};
    rule.legacy[1].link = Link{0, "name", 0, 0, "shelves.name"};
    pairing.pairs = {{0, 0}, {1, 1}, {2, 2}};
    pairing.legacy_columns = pairing.rewrite_columns = 3;
    pairing.statements = {0, 1};
  }
  Comparison compare(const std::vector<Row>& legacy, const std::vector<Row>& rewrite) const {
    return compare_results(rows(columns, legacy), rows(columns, rewrite),
                           {rule, pairing, catalog, {}});
  }
};

TEST_CASE("a child's ORDER BY orders its rows within one parent") {
  Books books;
  const std::vector<Row> legacy{{"a", "a", "x"}, {"a", "a", "y"}, {"b", "b", "w"}};
  CHECK_FALSE(books.compare(legacy, legacy).difference);
  CHECK(books.compare(legacy, {{"a", "a", "y"}, {"a", "a", "x"}, {"b", "b", "w"}}).difference ==
        MismatchKind::order);
  books.rule.legacy[1].order = {};
  CHECK_FALSE(
      books.compare(legacy, {{"a", "a", "y"}, {"a", "a", "x"}, {"b", "b", "w"}}).difference);
}

TEST_CASE("rows of children come in any order between parents that nothing orders") {
  Books books;
  books.rule.legacy[0].order = {};
  const std::vector<Row> legacy{{"a", "a", "x"}, {"a", "a", "y"}, {"b", "b", "w"}};
  CHECK_FALSE(
      books.compare(legacy, {{"b", "b", "w"}, {"a", "a", "x"}, {"a", "a", "y"}}).difference);
  CHECK(books.compare(legacy, {{"b", "b", "w"}, {"a", "a", "y"}, {"a", "a", "x"}}).difference ==
        MismatchKind::order);
}

TEST_CASE("LIMIT cuts rows of the root: a child that is lost is no cut") {
  Books books;
  books.rule.legacy[0].order = {};
  books.rule.legacy[0].order.limit_cuts = true;
  books.rule.legacy[0].order.limit = 1;
  const std::vector<Row> legacy{{"a", "a", "x"}, {"a", "a", "y"}};
  CHECK(books.compare(legacy, {{"a", "a", "x"}}).difference == MismatchKind::missing_row);
  CHECK(books.compare(legacy, {{"a", "a", "x"}, {"a", "a", "z"}}).difference);
  // Another parent as a whole may be what the cut took, with as many children as it has.
  CHECK(books.compare(legacy, {{"b", "b", "w"}}).cut_tie);
  // One parent for two is none.
  CHECK(books.compare(legacy, {{"b", "b", "w"}, {"c", "c", "w"}}).difference);
  books.rule.legacy[0].order.limit = 2;  // which was not reached, if rows can be told apart
  CHECK(books.compare(legacy, {{"b", "b", "w"}}).cut_tie);
  books.rule.legacy[0].order.limit = 3;  // and in no case
  CHECK(books.compare(legacy, {{"b", "b", "w"}}).difference);
  books.rule.legacy[0].order.limit = 2;
  books.pairing.key_pairs = {0};
  CHECK(books.compare(legacy, {{"b", "b", "w"}}).difference);
}

// One shelf, and the two books of it that its statement's LIMIT has left.
TEST_CASE("LIMIT of a child: rows that tie where it cuts may be others") {
  Books books;
  SortOrder& order = books.rule.legacy[1].order;
  order.keys = {{"year", std::nullopt, "year asc"}};
  order.limit_cuts = true;
  order.limit = 2;
  books.columns = {column("shelves.name"), column("books.shelf"), column("books.year"),
                   column("books.title")};
  books.pairing.pairs = {{0, 0}, {1, 1}, {2, 2}, {3, 3}};
  books.pairing.legacy_columns = books.pairing.rewrite_columns = 4;
  const std::vector<Row> legacy{{"a", "a", "1", "x"}, {"a", "a", "2", "y"}};
  CHECK(books.compare(legacy, {{"a", "a", "1", "x"}, {"a", "a", "2", "z"}}).cut_tie);
  SECTION("not those before the last group") {
    CHECK(books.compare(legacy, {{"a", "a", "1", "w"}, {"a", "a", "2", "y"}}).difference);
    order.limit_cuts = false;
    order.offset_cuts = true;
    CHECK(books.compare(legacy, {{"a", "a", "1", "w"}, {"a", "a", "2", "y"}}).cut_tie);
  }
  SECTION("not of another sort key, nor of a key that is not in the output") {
    CHECK(books.compare(legacy, {{"a", "a", "1", "x"}, {"a", "a", "3", "z"}}).difference);
    order.keys.push_back({"pages", std::nullopt, "pages asc"});
    CHECK(books.compare(legacy, {{"a", "a", "1", "x"}, {"a", "a", "2", "z"}}).difference);
  }
  SECTION("not fewer or more, nor none") {
    CHECK(books.compare(legacy, {{"a", "a", "1", "x"}}).difference);
    CHECK(books.compare(legacy, {{"a", "a", "1", "x"}, {"a", "a", "2", "v"}, {"a", "a", "2", "z"}})
              .difference);
    CHECK(books
              .compare(legacy,
                       {{"a", "a", "1", "x"}, {"a", std::nullopt, std::nullopt, std::nullopt}})
              .difference);
  }
  SECTION("not where it was not reached") {
    order.limit = 3;
    CHECK(books.compare(legacy, {{"a", "a", "1", "x"}, {"a", "a", "2", "z"}}).difference);
  }
  SECTION("not where something else differs, too") {
    CHECK(books.compare(legacy, {{"b", "a", "1", "x"}, {"b", "a", "2", "z"}}).difference);
    // The shelf has a key, and another name.
    books.pairing.key_pairs = {1, 3};
    CHECK(books
              .compare({{"a", "a", "2", "y"}, {"a", "a", "2", "x"}},
                       {{"b", "a", "2", "z"}, {"b", "a", "2", "w"}})
              .difference);
  }
  SECTION("not under `strict`") {
    books.rule.source.compare.order = OrderMode::strict;
    CHECK(books.compare(legacy, {{"a", "a", "1", "x"}, {"a", "a", "2", "z"}}).difference);
  }
  SECTION("not where the child has several parents") {
    CHECK(books
              .compare({{"a", "a", "2", "x"}, {"b", "b", "2", "y"}},
                       {{"a", "a", "2", "x"}, {"b", "b", "2", "z"}})
              .difference);
  }
}

}  // namespace
}  // namespace parallax::shadow
