#include <catch2/catch.hpp>
#include <string>

#include "shadow/rules/statement_shape.h"
#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

std::string cut(std::string_view sql) { return std::string(without_outer_comments(sql)); }

TEST_CASE("comments, space and semicolons at both ends go") {
  CHECK(cut("select 1") == "select 1");
  CHECK(cut("  \n select 1 ;\n; ") == "select 1");
  CHECK(cut("/* a */ -- b\n select 1 /*operation='user.getProfile'*/") == "select 1");
  CHECK(cut("select 1; /* a */ /* b */;") == "select 1");
  CHECK(cut("select 1 -- trace 7") == "select 1");
  CHECK(cut("select 1 -- trace 7\n-- more\n") == "select 1");
  CHECK(cut("select 1 -- a\r") == "select 1");
  CHECK(cut("select 1 /* a /* nested */ b */") == "select 1");
  CHECK(cut("/* a /* nested */ b */select 1") == "select 1");
  CHECK(cut("select 1 -- x */") == "select 1");
  CHECK(cut("select '/*' -- x */") == "select '/*'");
  CHECK(cut("select 1 /* a -- b */") == "select 1");
  CHECK(cut("select 1 /*/ a */") == "select 1");
  CHECK(cut("select 1 /* a /* b */* c */") == "select 1");
  CHECK(cut("") == "");
  CHECK(cut(" -- only a comment") == "");
  CHECK(cut("/* a */;") == "");
}

TEST_CASE("what looks like a comment and is none stays") {
  for (const char* sql :
       {"select '-- a'", "select \"-- a\"", "select '/* a */'", "select '--' , 1",
        "select $$ -- a $$", "select $t$ -- ' $t$, 2", "select E'\\' -- ' , 3",
        "select 'it''s -- x', 4", "select E'a''\\'-- ', 5", "select E'a'\n'\\' -- ' , secret",
        "select a /* inner */ from t", "select a -- inner\n from t", "select a$b$ --$b$ from t",
        "select 1 - -1", "select 8 / 2"}) {
    INFO(sql);
    // `a$b$ --$b$`: no dollar quote begins inside a word, so the comment is one.
    const std::string expected =
        std::string_view(sql).starts_with("select a$b$") ? "select a$b$" : sql;
    CHECK(cut(sql) == expected);
  }
}

TEST_CASE("unterminated texts are left as they are") {
  CHECK(cut("select 'a -- b") == "select 'a -- b");
  CHECK(cut("select 1 /* a") == "select 1 /* a");
  CHECK(cut("/* a") == "/* a");
  CHECK(cut("select $$ -- a") == "select $$ -- a");
  CHECK(cut("*/") == "*/");
  CHECK(cut("/*/") == "/*/");
}

TEST_CASE("cutting changes no key") {
  const auto seed = test::seed();
  INFO("PARALLAX_SEED=" << seed);
  std::mt19937_64 random(seed);
  const std::vector<std::string> parts = {
      "a",  "'x'", "'", "''", "E'\\'", "\"q\"", "\"", "--", "\n",     "/*",   "*/",     " ", ";",
      "$$", "$a$", "1", "+",  "-",     "E",     "$1", "\\", "select", "/**/", "-- c\n", ",", "\r"};
  int read = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string sql;
    for (auto n = random() % 12; n > 0; --n) sql += parts[random() % parts.size()];
    const auto whole = shape_of(sql, ShapeDialect::statement);
    if (!std::holds_alternative<StatementShape>(whole)) continue;
    // An operator at the end (`*/` that closes nothing) is no statement of any server.
    const auto& key = std::get<StatementShape>(whole).key;
    if (key.ends_with("*/")) continue;
    ++read;
    INFO(sql);
    const auto inner = shape_of(without_outer_comments(sql), ShapeDialect::statement);
    REQUIRE(std::holds_alternative<StatementShape>(inner));
    REQUIRE(std::get<StatementShape>(inner).key == key);
  }
  CHECK(read > 1000);
}

}  // namespace
}  // namespace parallax::shadow
