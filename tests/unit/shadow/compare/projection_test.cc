// What JSON columns are held against, where legacy is one statement; reasons for which a rule is
// broken.

#include "shadow/compare/projection.h"

#include <catch2/catch.hpp>

#include "tests/unit/shadow/compare/results.h"

namespace parallax::shadow {
namespace {

using namespace tests;

constexpr std::uint32_t kJson = 114;
constexpr std::uint32_t kJsonb = 3802;

JsonMember value(std::string name, std::string key = {}) {
  if (key.empty()) key = name.substr(name.rfind('.') + 1);
  return {.key = std::move(key),
          .name = std::move(name),
          .members = {},
          .mark = {.file = "r.yaml", .line = 9}};
}
JsonMember child(std::string key, std::string name, bool each, std::vector<JsonMember> members) {
  return {.key = std::move(key),
          .name = std::move(name),
          .child = true,
          .each = each,
          .members = std::move(members),
          .mark = {.file = "r.yaml", .line = 7}};
}
ColumnInfo column(std::string label, std::uint32_t type = kText) {
  return {.label = std::move(label), .type_oid = type};
}

struct Case {
  std::vector<ColumnInfo> legacy;
  std::vector<ColumnInfo> rewrite;
  std::vector<JsonMember> json;
  std::string rewrite_sql = {};
  std::map<std::string, std::string> columns = {};

  Rule rule() const {
    Rule out;
    out.source.compare.json = json;
    out.rewrite.front().source.text = rewrite_sql;
    for (const auto& [label, text] : columns) out.source.columns[label].text = text;
    return out;
  }
  // "legacy label -> rewrite label: type of the value", or the reason.
  std::string pairs() const {
    const Rule given = rule();
    const Catalog catalog;
    auto projected = project_columns(given, {legacy, {}}, {rewrite, {}}, catalog.types);
    if (const auto* problem = std::get_if<ProjectionProblem>(&projected))
      return std::to_string(problem->mark.line) + ": " + problem->message;
    auto& sides = std::get<ProjectedColumns>(projected);
    auto pairing = pair_columns(given, sides.legacy, sides.rewrite, catalog, {}, {}, sides.named);
    if (const auto* problem = std::get_if<std::string>(&pairing)) return *problem;
    const auto projection = typed_projection(sides, std::get<Pairing>(pairing));
    std::string out = projection.legacy && projection.rewrite ? "both"
                      : projection.legacy                     ? "legacy"
                                                              : "rewrite";
    for (const ColumnPair& pair : std::get<Pairing>(pairing).pairs) {
      const auto& left = sides.legacy.columns[pair.legacy];
      const auto& right = sides.rewrite.columns[pair.rewrite];
      out += "; " + left.label + " " + std::to_string(left.type_oid) + " -> " + right.label + " " +
             std::to_string(right.type_oid);
    }
    return out;
  }
};

TEST_CASE("a join of legacy names the values of the rewrite's JSON") {
  Case one{{column("id", kInt4), column("mid", kInt8), column("role")},
           {column("id", kInt4), column("m", kJson)},
           {child("m", "m", true, {value("mid", "id"), child("r", "r", false, {value("role")})})}};
  CHECK(one.pairs() == "rewrite; id 23 -> id 23; mid 20 -> m.id 20; role 25 -> m.r.role 25");
  one.json[0].members[0].name = "nothing";
  CHECK(one.pairs() ==
        "9: `json`: legacy has no column \"nothing\"; write `_` for a value that is not compared");
  one.json[0].members[0].name = "role";
  CHECK(one.pairs() == "9: `json`: \"role\" is a column that has a pair already");
  one.json[0].members[0].name = "_";
  CHECK(one.pairs().starts_with("legacy columns \"id\", \"mid\" have no pair"));
}

TEST_CASE("values of legacy's JSON have the types of the rewrite's columns") {
  Case one{
      {column("id", kInt4), column("m", kJsonb)},
      {column("id", kInt4), column("id", kInt8), column("name")},
      {child("m", "memberships", true, {value("id"), child("r", "roles", false, {value("name")})})},
      "select \"users\".\"id\", \"memberships\".\"id\", \"roles\".\"name\" from users"};
  one.columns["id"] = "users.id";
  CHECK(one.pairs() == "legacy; id 23 -> id 23; m.id 20 -> id 20; m.r.name 25 -> name 25");
  one.json[0].name = "m";
  CHECK(
      one.pairs() ==
      "9: `json`: the rewrite has several columns \"m.id\"; write `table.column`, `_` for a value "
      "that is not compared, or under `columns` what \"m.id\" is");
  one.columns["m.id"] = "memberships.id";
  CHECK(one.pairs() == "legacy; id 23 -> id 23; m.id 20 -> id 20; m.r.name 25 -> name 25");
}

TEST_CASE("JSON on both sides pairs by its places") {
  const Case one{{column("id"), column("m", kJsonb)},
                 {column("id"), column("m", kJson)},
                 {child("m", "m", true, {value("id"), child("r", "r", false, {value("name")})})},
                 {},
                 {{"id", "id"}}};
  CHECK(one.pairs() ==
        "both; id 25 -> id 25; m[] 16 -> m[] 16; m.id 114 -> m.id 114; m.r{} 16 -> m.r{} 16; "
        "m.r.name 114 -> m.r.name 114");
}

TEST_CASE("columns that are no JSON, or not there") {
  const std::vector<JsonMember> json = {child("m", "m", true, {value("id")})};
  CHECK(Case{{column("id")}, {column("id"), column("m")}, json}.pairs() ==
        "7: `json`: \"m\" of the rewrite is text; rows are read out of json and jsonb only");
  CHECK(Case{{column("id")}, {column("id")}, json}.pairs() ==
        "7: `json` names \"m\", which neither legacy nor the rewrite has");
  CHECK(Case{{column("id")}, {column("m", kJson), column("m", kJson)}, json}.pairs() ==
        "7: `json`: the rewrite has \"m\" several times");
}

}  // namespace
}  // namespace parallax::shadow
