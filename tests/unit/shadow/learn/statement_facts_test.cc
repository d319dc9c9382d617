#include "shadow/learn/statement_facts.h"

#include "shadow/rules/comment_tags.h"
#include "tests/unit/shadow/learn/support.h"

namespace parallax::shadow::test {
namespace {

StatementFacts facts(const std::string& sql) { return statement_facts(sql, shape(sql)); }

TEST_CASE("learn: columns know their table, label and expression") {
  const auto found = facts(
      R"(SELECT "public"."users"."id", u."name"::text AS who, count(*), "users"."a" + 1, coalesce(x, 'y') FROM "public"."users" LEFT JOIN users u ON true)");
  REQUIRE(found.select);
  REQUIRE(found.columns.size() == 5);
  CHECK(found.columns[0].table == "users");
  CHECK(found.columns[0].column == "id");
  CHECK(found.columns[0].label == "id");
  CHECK(found.columns[1].table == "users");
  CHECK(found.columns[1].label == "who");
  CHECK(found.columns[1].expression == "u.\"name\"::text");
  CHECK(found.columns[2].table.empty());
  CHECK(found.columns[2].label == "count");
  CHECK(found.columns[2].expression == "count(*)");
  CHECK(found.columns[3].label == "?column?");
  CHECK(found.columns[3].has_slot);
  CHECK(found.columns[4].label == "coalesce");
  CHECK(found.tables == std::vector<std::string>{"users", "users"});
}

TEST_CASE("learn: an unqualified column is of the only table, and of none where there are two") {
  CHECK(facts("select id from users").columns[0].table == "users");
  CHECK(facts("select id from users, roles").columns[0].table.empty());
  CHECK(facts("select id from (select id from users) as sub").columns[0].table.empty());
}

TEST_CASE("learn: what is no SELECT, or has a star, says nothing of columns") {
  CHECK(facts("select * from users").columns.empty());
  CHECK(facts("select u.*, 1 from users u").columns.empty());
  CHECK_FALSE(facts("update users set a = 1").select);
  CHECK_FALSE(facts("select 1; select 2").select);
  CHECK(facts("select oid from pg_catalog.pg_type").of_catalog);
  CHECK_FALSE(facts("select a from t, pg_class").of_catalog);
}

TEST_CASE("learn: values are named after what they are compared with") {
  const auto places = facts(R"(SELECT a FROM t WHERE ("t"."id" = $1 AND t.n >= $2 AND t.n < $3)
               AND "t"."s" IN (CAST($4::text AS "public"."Status"), CAST($5::text AS "public"."Status"))
               AND "t"."title" ILIKE ('%' || $6 || '%') AND $7 = any("t"."tags") AND x BETWEEN $8 AND $9
               AND (NOT "t"."k"::text LIKE $10) GROUP BY a HAVING count(t.id) > $11 LIMIT $12 OFFSET $13)")
                          .places;
  std::vector<std::string> columns;
  for (const auto& place : places) columns.push_back(place.column);
  CHECK(columns == std::vector<std::string>{"id", "n", "n", "s", "title", "title", "", "tags", "x",
                                            "x", "k", "id", "", ""});
  CHECK(places[1].use == ValueUse::lower_bound);
  CHECK(places[2].use == ValueUse::upper_bound);
  CHECK(places[3].cast == "Status");
  CHECK(places[12].use == ValueUse::limit);
  CHECK(places[13].use == ValueUse::offset);
}

TEST_CASE("learn: tags of the comments around a statement") {
  const auto tags = comment_tags(
      R"(/*a='1'*/ select '/*b=''2''*/' /*operation='user.getProfile',route='%2Fapi%20x',q='it\'s'*/)");
  CHECK(tags ==
        CommentTags{
            {"a", "1"}, {"operation", "user.getProfile"}, {"q", "it's"}, {"route", "/api x"}});
  CHECK(comment_tags("select 1 -- no tag = '").empty());
  CHECK(comment_tags("select 1 /*open='").empty());
  CHECK(comment_tags("select 1").empty());
}

}  // namespace
}  // namespace parallax::shadow::test
