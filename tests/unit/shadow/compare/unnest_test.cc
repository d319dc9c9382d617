// Rows read out of JSON, and what makes that impossible.

#include "shadow/compare/unnest.h"

#include <catch2/catch.hpp>

#include "shadow/compare/compare.h"
#include "shadow/compare/projection.h"
#include "tests/unit/shadow/compare/random_source.h"
#include "tests/unit/shadow/compare/results.h"

namespace parallax::shadow {
namespace {

using namespace tests;

constexpr std::uint32_t kJson = 114;
constexpr std::uint32_t kJsonb = 3802;

JsonMember value(std::string name) {
  std::string key = name == "_" ? "" : name;
  return {.key = std::move(key), .name = std::move(name), .members = {}, .mark = {}};
}
JsonMember child(std::string key, bool each, std::vector<JsonMember> members) {
  return {.key = key,
          .name = key,
          .child = true,
          .each = each,
          .members = std::move(members),
          .mark = {.file = "r.yaml", .line = 7, .column = 3}};
}
ColumnInfo column(std::string label, std::uint32_t type = kText) {
  return {.label = std::move(label), .type_oid = type};
}

// Users with memberships (each with a role) and notes: statements of legacy, or JSON.
struct World {
  Rule rule;
  std::vector<std::vector<ColumnInfo>> described = {
      {column("id"), column("name")},
      {column("id"), column("userId"), column("roleId"), column("n", kInt8)},
      {column("id"), column("name")},
      {column("userId"), column("body")}};
  std::vector<ColumnInfo> rewrite = {column("id"), column("name"), column("m", kJson),
                                     column("notes", kJsonb)};
  Catalog catalog;

  World() {
    rule.legacy.resize(4);
    const char* const names[] = {"user", "m", "role", "notes"};
    for (std::size_t i = 0; i < 4; ++i) rule.legacy[i].name = names[i];
    rule.legacy[1].link = Link{0, "id", 0, 1, "user.id"};
    rule.legacy[2].link = Link{1, "roleId", 0, 0, "m.roleId"};
    rule.legacy[3].link = Link{0, "id", 0, 0, "user.id"};
    rule.source.compare.json = {child("m", true,
                                      {value("id"), value("_"), value("n"),
                                       child("role", false, {value("id"), value("name")})}),
                                child("notes", true, {value("body")})};
    rule.source.columns["user.id"].text = "id";
    rule.source.columns["user.name"].text = "name";
    rule.rewrite.front().source.text = "select id, name, m, notes from t";
  }
  Stitching stitching() const {
    return std::get<Stitching>(make_stitching(rule.legacy, described, rule.source.compare.json));
  }

  // As verification does it.
  struct Verified {
    Pairing pairing;
    Projection projection;
  };
  Verified verified() const {
    DescribedColumns legacy;
    legacy.columns = stitching().columns();
    auto projected = project_columns(rule, legacy, {rewrite, {}}, catalog.types);
    if (const auto* problem = std::get_if<ProjectionProblem>(&projected)) FAIL(problem->message);
    auto& columns = std::get<ProjectedColumns>(projected);
    auto pairing = pair_columns(rule, columns.legacy, columns.rewrite, catalog, stitching(), {},
                                columns.named);
    if (const auto* problem = std::get_if<std::string>(&pairing)) FAIL(*problem);
    Verified out{std::get<Pairing>(std::move(pairing)), {}};
    out.projection = typed_projection(columns, out.pairing);
    return out;
  }
  ResultSet legacy(const std::vector<std::vector<Row>>& rows) const {
    std::vector<ResultSet> results;
    for (std::size_t i = 0; i < rows.size(); ++i)
      results.push_back(result_of(described[i], rows[i]));
    std::vector<const ResultSet*> parts;
    for (const auto& result : results) parts.push_back(&result);
    return *stitch(stitching(), catalog.types, {}, parts, 1 << 24);
  }
  ResultSet unnested(const std::vector<Row>& rows, std::size_t bytes_max = 1 << 24) const {
    const auto whole =
        unnest(result_of(rewrite, rows), *verified().projection.rewrite, catalog.types, bytes_max);
    REQUIRE(whole);
    return *whole;
  }
  Comparison compared(const std::vector<std::vector<Row>>& by_statement,
                      const std::vector<Row>& rows) const {
    const auto pairing = verified().pairing;
    return compare_results(legacy(by_statement), unnested(rows), {rule, pairing, catalog, {}});
  }
  std::string problem(const Cell& memberships, const Cell& notes = "[]") const {
    const auto result = unnested({{"u1", "Ann", memberships, notes}});
    CHECK(result.rows() == (result.problem() ? 0 : 1));
    return result.problem()
               ? std::string(name(result.problem()->kind)) + ": " + result.problem()->detail
               : "";
  }
};

std::vector<Row> cells_of(const ResultSet& result, std::size_t from) {
  std::vector<Row> all;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    auto& cells = all.emplace_back();
    for (std::size_t c = from; c < result.columns().size(); ++c) {
      const auto cell = result.cell(row, c);
      cells.push_back(cell ? Cell(std::string(*cell)) : kNull);
    }
  }
  return all;
}

TEST_CASE("a row for each way to take a child of each array") {
  const World world;
  const auto rows =
      world.unnested({{"u1", "Ann", "[[\"m1\", 1, 5, [\"r1\", \"admin\"]], [\"m2\", 2, 6, null]]",
                       "[[\"x\"], [\"y\"]]"},
                      {"u2", "Bob", "[]", "[[\"z\"]]"},
                      {"u3", "Eve", "null", kNull}});
  // id, name, m, notes; m[], id, n, role{}, id, name; notes[], body
  CHECK(cells_of(rows, 0) ==
        std::vector<Row>{
            {"u1", "Ann", kNull, kNull, "t", "m1", "5", "t", "r1", "admin", "t", "x"},
            {"u1", "Ann", kNull, kNull, "t", "m1", "5", "t", "r1", "admin", "t", "y"},
            {"u1", "Ann", kNull, kNull, "t", "m2", "6", kNull, kNull, kNull, "t", "x"},
            {"u1", "Ann", kNull, kNull, "t", "m2", "6", kNull, kNull, kNull, "t", "y"},
            {"u2", "Bob", kNull, kNull, "t", kNull, kNull, kNull, kNull, kNull, "t", "z"},
            {"u3", "Eve", kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull}});
  std::vector<std::string> labels;
  for (const auto& column : rows.columns()) labels.push_back(column.label);
  CHECK(labels == std::vector<std::string>{"id", "name", "m", "notes", "m[]", "m.id", "m.n",
                                           "m.role{}", "m.role.id", "m.role.name", "notes[]",
                                           "notes.body"});
}

TEST_CASE("an object is read by its keys, whatever their order") {
  const World world;
  auto object = world;
  object.rule.source.compare.json[0].members[1] = {
      .key = "userId", .name = "_", .members = {}, .mark = {}};
  const auto rows = object.unnested({{"u1", "Ann",
                                      "[{\"n\": 5, \"role\": {\"name\": \"admin\", \"id\": "
                                      "\"r1\"}, \"userId\": \"u1\", \"id\": \"m1\"}]",
                                      "[{\"body\": \"x\"}]"}});
  CHECK(cells_of(rows, 4) == std::vector<Row>{{"t", "m1", "5", "t", "r1", "admin", "t", "x"}});
}

TEST_CASE("binary jsonb has a version byte") {
  World world;
  auto result = result_of(world.rewrite, {{"u1", "Ann", "[]", "\x01[[\"x\"]]"}});
  auto columns = world.rewrite;
  columns[3].binary = true;
  auto binary = result_of(columns, {{"u1", "Ann", "[]", "\x01[[\"x\"]]"}});
  const auto rows =
      unnest(binary, *world.verified().projection.rewrite, world.catalog.types, 1 << 20);
  CHECK_FALSE(rows->problem());
  CHECK(rows->cell(0, 11) == "x");
}

TEST_CASE("JSON of another shape is a problem, and no rows") {
  const World world;
  CHECK(world.problem("[]").empty());
  CHECK(world.problem("[[\"m1\", 1, 5]]") ==
        "column_count: JSON \"m\" has 3 values, the projection has 4");
  CHECK(world.problem("[[\"m1\", 1, 5, [\"r1\"]]]") ==
        "column_count: JSON \"m.role\" has 1 value, the projection has 2");
  CHECK(world.problem("{}") ==
        "column_count: JSON \"m\": an object in place of an array of children");
  CHECK(world.problem("5") ==
        "column_count: JSON \"m\": a number in place of an array of children");
  CHECK(world.problem("[null]") == "column_count: JSON \"m\": null in place of a child");
  CHECK(world.problem("[5]") ==
        "column_count: JSON \"m\": a number in place of an array or an object of its values");
  CHECK(world.problem("[[\"m1\", 1, 5, \"r1\"]]") ==
        "column_count: JSON \"m.role\": a string in place of an array or an object of its values");
  CHECK(world.problem("[") == "column_count: JSON \"m\": no JSON in place of an array of children");
  CHECK(world.problem("[{\"id\": 1}]", "[]") ==
        "column_type: JSON \"m.id\": a number against text");
  CHECK(world.problem("[{\"id\": \"1\"}]") == "column_count: JSON \"m\" has no key \"n\"");
  CHECK(world.problem("[]", "[{\"body\": \"x\", \"more\": 1}]") ==
        "column_count: JSON \"notes\" has 2 keys, the projection has 1");
  CHECK(world.problem("[[\"m1\", 1, true, null]]") ==
        "column_type: JSON \"m.n\": true or false against int8");
  const auto other = unnest(result_of({column("id")}, {{"u1"}}),
                            *world.verified().projection.rewrite, world.catalog.types, 1 << 20);
  CHECK(other->problem()->detail == "a result with JSON has 1 column, at verification it had 4");
}

TEST_CASE("more rows than the limit are given up") {
  const World world;
  std::string many = "[[\"x\"]";
  for (int i = 0; i < 1000; ++i) many += ",[\"x\"]";
  many += "]";
  const auto verified = world.verified();
  const Unnesting& unnesting = *verified.projection.rewrite;
  const auto result = result_of(world.rewrite, {{"u1", "Ann", "[]", many}});
  CHECK(unnest(result, unnesting, world.catalog.types, 1 << 24));
  CHECK_FALSE(unnest(result, unnesting, world.catalog.types, 1 << 12));
}

using Statements = std::vector<std::vector<Row>>;
const Statements kLegacy = {{{"u1", "Ann"}, {"u2", "Bob"}},
                            {{"m1", "u1", "r1", "5"}, {"m2", "u1", kNull, "6"}},
                            {{"r1", "admin"}},
                            {{"u2", "x"}, {"u2", "y"}}};

TEST_CASE("children in JSON are those of the linked statements, or the difference has its kind") {
  const World world;
  const auto kind = [&](const Cell& memberships, const Cell& notes = "[[\"y\"],[\"x\"]]") {
    const auto compared =
        world.compared(kLegacy, {{"u2", "Bob", "[]", notes}, {"u1", "Ann", memberships, "[]"}});
    return compared.difference ? std::string(name(*compared.difference)) + " " + compared.detail
                               : "match";
  };
  const auto begins = [&](const std::string& start, const Cell& memberships,
                          const Cell& notes = "[[\"y\"],[\"x\"]]") {
    const std::string found = kind(memberships, notes);
    INFO(found);
    CHECK(found.starts_with(start));
  };
  const std::string first = "[\"m1\", 1, 5, [\"r1\", \"admin\"]]";
  begins("match", "[" + first + ", [\"m2\", 1, 6, null]]");
  begins("match", "[[\"m2\", 1, 6, null], " + first + "]");
  begins("missing_row", "[" + first + "]");
  begins("missing_row", "[" + first + ", [\"m2\", 1, 7, null]]");
  begins("extra_row", "[" + first + ", [\"m2\", 1, 6, null], [\"m2\", 1, 6, null]]");
  begins("missing_row", "[" + first + ", [\"m2\", 1, 6, [null, null]]]");
  begins("missing_row", "null");
  begins("missing_row", "[" + first + ", [\"m2\", 1, 6, null]]", "[[\"x\"]]");
  begins("column_count", "[" + first + ", [\"m2\", 1, 6]]");
  CHECK(world
            .compared(kLegacy, {{"u1", "Ann", "[" + first + ", [\"m2\", 1, 6, null]]", "[]"},
                                {"u2", "Bob", "[]", "[[\"x\"],[\"y\"]]"}})
            .steps == std::vector{EqualStep::json_rows});
}

TEST_CASE("an array of nothing is not NULL, and no child is not a child of NULLs") {
  const World world;
  const Statements none = {{{"u1", "Ann"}}, {}, {}, {}};
  const auto compared = [&](const Cell& memberships, const Cell& notes) {
    return world.compared(none, {{"u1", "Ann", memberships, notes}});
  };
  CHECK_FALSE(compared("[]", "[]").difference);
  CHECK(compared(kNull, "[]").difference == MismatchKind::null);
  CHECK(compared("[]", "null").difference == MismatchKind::null);
  CHECK(compared(kNull, "[]").detail.ends_with("column \"m[]\""));
}

TEST_CASE("a bigint as a JSON number is the last but one of all kinds") {
  World world;
  const Statements big = {{{"u1", "Ann"}}, {{"m1", "u1", kNull, "9007199254740993"}}, {}, {}};
  const auto compared = [&](const std::string& id, const std::string& n) {
    return world.compared(big, {{"u1", "Ann", "[[\"" + id + "\", 1, " + n + ", null]]", "[]"}});
  };
  CHECK_FALSE(compared("m1", "\"9007199254740993\"").difference);
  const auto hazard = compared("m1", "9007199254740993");
  CHECK(hazard.difference == MismatchKind::json_hazard);
  CHECK(hazard.kinds == std::set{MismatchKind::json_hazard});
  CHECK(hazard.detail.ends_with("column \"m.n\""));
  const auto both = compared("m2", "9007199254740993");
  CHECK(both.difference == MismatchKind::value);
  CHECK(both.kinds == std::set{MismatchKind::value, MismatchKind::json_hazard});
}

// Statements' rows at random, few values, so that rows repeat.
struct RandomRows {
  RandomSource& source;
  Statements rows{4};

  explicit RandomRows(RandomSource& given) : source(given) {
    const auto some = [&](const char* prefix, std::size_t of) {
      return std::string(prefix) + std::to_string(source.below(of));
    };
    const std::size_t users = 1 + source.below(4);
    for (std::size_t u = 0; u < users; ++u) {
      const std::string user = "u" + std::to_string(u);
      rows[0].push_back({user, some("name", 2)});
      for (std::size_t m = source.below(4); m > 0; --m) {
        rows[1].push_back({some("m", 3), user, source.one_in(3) ? kNull : Cell(some("r", 3)),
                           source.one_in(4) ? kNull : Cell(std::to_string(source.below(3)))});
      }
      for (std::size_t n = source.below(3); n > 0; --n) rows[3].push_back({user, some("note", 2)});
    }
    for (const char* const role : {"r0", "r1"}) rows[2].push_back({role, some("role", 2)});
  }

  static std::string json(const Cell& cell, bool number = false) {
    if (!cell) return "null";
    return number ? *cell : '"' + *cell + '"';
  }
  std::string role_of(const Cell& id) const {
    for (const Row& role : rows[2]) {
      if (role[0] == id) return "[" + json(role[0]) + "," + json(role[1]) + "]";
    }
    return "null";
  }
  // As a rewrite would give them.
  std::vector<Row> nested() const {
    std::vector<Row> out;
    for (const Row& user : rows[0]) {
      std::string memberships;
      for (const Row& m : rows[1]) {
        if (m[1] != user[0]) continue;
        memberships += (memberships.empty() ? "[" : ", [") + json(m[0]) + ", 1, " +
                       json(m[3], true) + ", " + role_of(m[2]) + "]";
      }
      std::string notes;
      for (const Row& note : rows[3]) {
        if (note[0] == user[0]) notes += (notes.empty() ? "[" : ", [") + json(note[1]) + "]";
      }
      out.push_back({user[0], user[1], "[" + memberships + "]", "[" + notes + "]"});
    }
    return out;
  }
};

TEST_CASE("nested at random, it compares equal; with one child changed, it does not") {
  RandomSource source("nested at random");
  const World world;
  const auto verified = world.verified();
  const ComparisonBasis basis{world.rule, verified.pairing, world.catalog, {}};
  const auto compare = [&](const RandomRows& legacy, const RandomRows& rewrite) {
    const auto result = result_of(world.rewrite, rewrite.nested());
    const auto rows = unnest(result, *verified.projection.rewrite, world.catalog.types, 1 << 24);
    REQUIRE(rows);
    return compare_results(world.legacy(legacy.rows), *rows, basis);
  };
  for (int round = 0; round < 400; ++round) {
    RandomRows rows(source);
    INFO("round " << round << ", seed " << source.seed());
    const auto equal = compare(rows, rows);
    INFO(equal.detail);
    REQUIRE_FALSE(equal.difference);
    RandomRows other = rows;
    const std::size_t part = source.one_in(2) ? 1 : 3;
    if (other.rows[part].empty()) continue;
    auto& row = other.rows[part][source.below(other.rows[part].size())];
    row[part == 1 ? 3 : 1] = part == 1 ? "77" : "changed";
    CHECK(compare(rows, other).difference);
    CHECK(compare(other, rows).difference);
    other.rows[part].pop_back();
    CHECK(compare(rows, other).difference);
  }
}

}  // namespace
}  // namespace parallax::shadow
