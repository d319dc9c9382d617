// `let`: what the server computes in the snapshot, and the rewrite is given.

#include <catch2/catch.hpp>
#include <memory>

#include "tests/integration/cpp/database.h"
#include "tests/integration/cpp/engine_rig.h"

using namespace parallax;
using namespace parallax::pgtest;
using namespace parallax::shadow;

namespace {

const std::string kSearch = "SELECT id FROM books WHERE title ILIKE ('%' || $1 || '%') ORDER BY id";
const std::string kSearchRule =
    "SELECT id FROM books WHERE title ILIKE ('%' || :title || '%') ORDER BY id";
const std::string kSearchRewrite = "select id from books where title ilike :pattern order by id";

PgServer& server_with_books() {
  static PgServer& server = []() -> PgServer& {
    auto& shared = shared_server();
    Session session(shared);
    session.run(
        "CREATE TABLE books (id int PRIMARY KEY, title text, pages int); "
        "INSERT INTO books VALUES (1, 'Emma', 400), (2, '100% wool', 40), (3, 'It''s \"late\"', "
        "7), "
        "(4, NULL, NULL); GRANT SELECT ON books TO tester");
    return shared;
  }();
  return server;
}

// Both orders of the steps.
std::string ends(EngineRig& rig, const EngineRig::Call& call) {
  const auto first = end_of(rig.run(call));
  const auto second = end_of(rig.run(call));
  return first == second ? first : first + ", then " + second;
}

}  // namespace

TEST_CASE("what the client puts around its input is computed by the server") {
  EngineRig rig(options_on(server_with_books()),
                {{"search", kSearchRule, kSearchRewrite, {{"pattern", "'%' || :title || '%'"}}}});
  REQUIRE(rig.wait_verified());
  CHECK(rig.state(0) == RuleState::ready);
  for (const std::string title : {"emm", "% w", "'s \"l", "\\", "nothing", ""}) {
    INFO(title);
    CHECK(ends(rig, {kSearch, {text(title)}}) == "match");
  }
  const auto rows = rig.run({kSearch, {text("emm")}}).rewrite_rows;
  CHECK(rows == 1);
  CHECK(rig.law_holds());
}

TEST_CASE("a let that computes something else is a mismatch") {
  EngineRig rig(options_on(server_with_books()),
                {{"search", kSearchRule, kSearchRewrite, {{"pattern", ":title || '%'"}}}});
  REQUIRE(rig.wait_verified());
  CHECK(ends(rig, {kSearch, {text("Em")}}) == "match");
  CHECK(ends(rig, {kSearch, {text("mm")}}) == "mismatch missing_row");
}

TEST_CASE("NULL goes through a let as NULL") {
  EngineRig rig(options_on(server_with_books()),
                {{"search", kSearchRule, kSearchRewrite, {{"pattern", "'%' || :title || '%'"}}},
                 {"pages",
                  "SELECT id FROM books WHERE coalesce(pages, -1) = coalesce($1, -1)",
                  "select id from books where pages is not distinct from :same::int",
                  {{"same", "$1::int"}}}});
  REQUIRE(rig.wait_verified());
  Value null;
  null.null = true;
  CHECK(ends(rig, {kSearch, {null}}) == "match");
  const std::string pages = "SELECT id FROM books WHERE coalesce(pages, -1) = coalesce($1, -1)";
  CHECK(ends(rig, {pages, {null}}) == "match");
  CHECK(rig.run({pages, {null}}).rewrite_rows == 1);
  CHECK(ends(rig, {pages, {text("40")}}) == "match");
}

TEST_CASE("lists, subselects and several lets") {
  const std::string sql = "SELECT title FROM books WHERE id IN ($1, $2) AND pages > $3";
  EngineRig rig(options_on(server_with_books()),
                {{"several",
                  "SELECT title FROM books WHERE id IN (:ids) AND pages > :min",
                  "select title from books where id between :low and :high and pages >= :least "
                  "and id = any(:ids)",
                  {{"low", "(select min(i) from unnest(:ids::int[]) i)"},
                   {"high", "(select max(id) from books where id = any(:ids::int[]))"},
                   {"least", ":min::int + 1"}}}});
  REQUIRE(rig.wait_verified());
  INFO(rig.report().reasons["several"]);
  REQUIRE(rig.state(0) == RuleState::ready);
  CHECK(ends(rig, {sql, {text("1"), text("2"), text("39")}}) == "match");
  CHECK(rig.run({sql, {text("1"), text("2"), text("39")}}).rewrite_rows == 2);
  CHECK(ends(rig, {sql, {text("1"), text("2"), text("40")}}) == "match");
}

TEST_CASE("a let that fails leaves nothing to compare, and its connection whole") {
  const std::string sql = "SELECT id FROM books WHERE pages = $1";
  EngineRig rig(options_on(server_with_books()), {{"share",
                                                   "SELECT id FROM books WHERE pages = :pages",
                                                   "select id from books where pages = :same",
                                                   {{"same", "100 / (100 / :pages::int)"}}},
                                                  {"rows",
                                                   "SELECT pages FROM books WHERE id = :id",
                                                   "select pages from books where id = :same",
                                                   {{"same", "generate_series(1, :id::int)"}}}});
  REQUIRE(rig.wait_verified());
  for (int i = 0; i < 2; ++i) {
    const auto outcome = rig.run({sql, {text("0")}});
    CHECK(end_of(outcome) == "skipped context");
    CHECK(outcome.detail == "let same: SQLSTATE 22012");
    CHECK(end_of(rig.run({sql, {text("1")}})) == "match");
  }
  const auto three = rig.run({"SELECT pages FROM books WHERE id = $1", {text("3")}});
  CHECK(end_of(three) == "skipped context");
  CHECK(three.detail == "let same: 3 rows of 1 column");
  CHECK(ends(rig, {"SELECT pages FROM books WHERE id = $1", {text("1")}}) == "match");
  CHECK(rig.report().pool_errors.empty());
  CHECK(rig.engine().connections().idle == 1);
  CHECK(rig.law_holds());
}

TEST_CASE("a let that takes too long or may not read is what any step would be") {
  auto options = options_on(server_with_books());
  options.statement_timeout = std::chrono::milliseconds(200);
  EngineRig rig(options,
                {{"slow",
                  "SELECT pages FROM books WHERE id = :id",
                  "select pages from books where id = :id and :n::bigint > 0",
                  {{"n", "(select count(*) from generate_series(1, 100000000 * :id::int))"}}},
                 {"closed",
                  "SELECT title FROM books WHERE id = :id",
                  "select title from books where id = :id and :n::bigint >= 0",
                  {{"n", "(select count(*) from locked_away)"}}}});
  REQUIRE(rig.wait_verified());
  CHECK(end_of(rig.run({"SELECT pages FROM books WHERE id = $1", {text("1")}})) == "timeout");
  CHECK(ends(rig, {"SELECT title FROM books WHERE id = $1", {text("1")}}) == "skipped broken");
  CHECK(rig.law_holds());
}

TEST_CASE("a let that cannot be prepared breaks its rule") {
  EngineRig rig(options_on(server_with_books()), {{"bad",
                                                   "SELECT id FROM books WHERE pages = :pages",
                                                   "select id from books where pages = :same",
                                                   {{"same", "no_such_function(:pages)"}}},
                                                  {"volatile",
                                                   "SELECT id FROM books WHERE id = :id",
                                                   "select id from books where id = :same",
                                                   {{"same", ":id::int + random()::int"}}}});
  REQUIRE(rig.wait_verified());
  CHECK(rig.state(0) == RuleState::broken);
  CHECK(rig.report().reasons["bad"].starts_with("`let` same cannot be prepared: 42883: "));
  CHECK(rig.state(1) == RuleState::broken);
  CHECK(end_of(rig.run({"SELECT id FROM books WHERE pages = $1", {text("1")}})) ==
        "skipped broken");
}

TEST_CASE("a rule with a let begins live as others do") {
  EngineRig rig(options_on(server_with_books()),
                {{"search", kSearchRule, kSearchRewrite, {{"pattern", "'%' || :title || '%'"}}}});
  REQUIRE(rig.wait_verified());
  std::size_t settled = 0;  // without legacy in the snapshot
  for (int i = 0; i < 4; ++i) {
    auto rows = std::make_shared<ResultSet>(std::vector<ColumnInfo>(1));
    rows->add_cell("1");
    const auto outcome = rig.run({kSearch, {text("Emma")}, {}, nullptr, rows});
    CHECK(end_of(outcome) == "match");
    if (outcome.legacy_seconds == 0) ++settled;
  }
  CHECK(settled >= 2);
  // What the client got and the rewrite does not give is decided in the snapshot, lets and all.
  auto other = std::make_shared<ResultSet>(std::vector<ColumnInfo>(1));
  other->add_cell("2");
  CHECK(end_of(rig.run({kSearch, {text("Emma")}, {}, nullptr, other})) == "race");
  CHECK(rig.law_holds());
}
