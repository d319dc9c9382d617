#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

using test::binary;
using test::compile;
using test::text;
using Texts = std::vector<std::string>;

std::vector<Value> values(const Texts& all) {
  std::vector<Value> parameters;
  for (const auto& one : all) parameters.push_back(one == "NULL" ? test::null() : text(one));
  return parameters;
}

struct Outcome {
  std::string rule;      // matched
  std::string shape_of;  // not matched
  std::map<std::string, Texts> names;
};

Outcome match(const RuleSet& set, std::string_view sql, const std::vector<Value>& parameters = {}) {
  const auto found = set.match(set.know(sql), parameters);
  Outcome outcome;
  if (!found.root) {
    if (found.shape_of) outcome.shape_of = found.shape_of->rule->name;
    return outcome;
  }
  const auto& matched = *found.root;
  outcome.rule = matched.rule->name;
  for (const auto& [name, value] : matched.values) outcome.names[name] = test::texts(value.members);
  return outcome;
}

bool holds(const std::string& pin, const Value& value) {
  const auto set = compile("select a from t where b = " + pin, "select 1");
  return match(set, "select a from t where b = $1", {value}).rule == "r";
}

TEST_CASE("names take parameters and literals") {
  const auto set = compile("SELECT a FROM t WHERE b = :b AND c = :c LIMIT :n", "select :b, :c, :n");
  const std::map<std::string, Texts> expected = {{"b", {"x"}}, {"c", {"true"}}, {"n", {"-5"}}};
  CHECK(match(set, "select a from t where b = $2 and c = $1 limit $3", values({"true", "x", "-5"}))
            .names == expected);
  CHECK(match(set, "select a from t where b = 'x' and c = TRUE limit - 5;").names == expected);
  CHECK(
      match(set, "select a from t where b = 'x' and c = $1 limit -5 /* trace */", values({"true"}))
          .names == expected);
  CHECK(match(set, "select a from t where b = null and c = $1 limit 1", values({"NULL"})).names ==
        std::map<std::string, Texts>{{"b", {"NULL"}}, {"c", {"NULL"}}, {"n", {"1"}}});
  // A parameter that Bind did not give.
  CHECK(
      match(set, "select a from t where b = $1 and c = $2 limit $3", values({"x", "y"})).shape_of ==
      "r");
  CHECK(match(set, "select a from t where b = $1 and c = $2 limit $3").rule.empty());
  CHECK(match(set, "select a from u where b = $1 and c = $2 limit $3", values({"x", "y", "1"}))
            .shape_of.empty());
  CHECK(match(set, "select 'unreadable").shape_of.empty());
}

TEST_CASE("a name at several places must have one value") {
  const auto set = compile("select a from t where b = :x and c = :x and d = $3", "select :x, $3");
  CHECK(match(set, "select a from t where b = $1 and c = $2 and d = $3", values({"1", "1", "2"}))
            .rule == "r");
  CHECK(match(set, "select a from t where b = $1 and c = 1 and d = $2", values({"1", "2"})).names ==
        std::map<std::string, Texts>{{"x", {"1"}}, {"$3", {"2"}}});
  CHECK(match(set, "select a from t where b = $1 and c = $2 and d = 2", values({"1", "2"}))
            .shape_of == "r");
  CHECK(match(set, "select a from t where b = $1 and c = $2 and d = 2", values({"NULL", "NULL"}))
            .rule == "r");
  CHECK(match(set, "select a from t where b = $1 and c = $2 and d = 2", values({"NULL", "1"}))
            .rule.empty());
  const std::string sql = "select a from t where b = $1 and c = $2 and d = 2";
  CHECK(match(set, sql, {binary(23, std::string("\0\0\0\7", 4)), text("7")}).rule == "r");
  CHECK(match(set, sql, {binary(23, std::string("\0\0\0\7", 4)), text("8")}).rule.empty());
  CHECK(match(set, sql, {binary(701, "12345678"), binary(701, "12345678")}).rule == "r");
  CHECK(match(set, sql, {binary(701, "12345678"), binary(701, "12345679")}).rule.empty());
  CHECK(match(set, sql, {binary(701, "12345678"), text("12345678")}).rule.empty());

  const auto lists =
      compile("select a from t where b in (:x) and c in (:x)", "select a from t where b in (:x)");
  CHECK(match(lists, "select a from t where b in (1, 2) and c in (1, 2)").rule == "r");
  CHECK(match(lists, "select a from t where b in (1, 2) and c in (1, 3)").rule.empty());
  CHECK(match(lists, "select a from t where b in (1, 2) and c in (1)").rule.empty());
}

TEST_CASE("pins: numbers by value") {
  for (const char* value : {"1", "1.0", "01", "+1", "1e0", "10e-1", "0.1E1", " 1 ", "1."}) {
    INFO(value);
    CHECK(holds("1", text(value)));
  }
  for (const char* value : {"2", "-1", "1.0000000000000000000000001", "", "one", "1 1", "0x1",
                            "NaN", "1e", "1e+-0", "."}) {
    INFO(value);
    CHECK_FALSE(holds("1", text(value)));
  }
  CHECK(holds("0", text("-0.00")));
  CHECK(holds("-2.50", text("-2.5")));
  CHECK(holds("12345678901234567890123456789", text("12345678901234567890123456789.0")));
  CHECK_FALSE(holds("12345678901234567890123456789", text("12345678901234567890123456788")));
  CHECK_FALSE(holds("1", text("1e9999999999999999999999")));
  CHECK_FALSE(holds("1", test::null()));
}

TEST_CASE("pins: booleans, NULL, texts") {
  for (const char* value : {"t", "true", "TRUE", "1", "on", "y", "Yes", "tr"})
    CHECK(holds("true", text(value)));
  for (const char* value : {"f", "false", "0", "off", "of", "n", "no", ""})
    CHECK_FALSE(holds("true", text(value)));
  for (const char* value : {"f", "false", "0", "off", "n"}) CHECK(holds("false", text(value)));
  for (const char* value : {"o", "x", "t", "2", "falsey"}) CHECK_FALSE(holds("false", text(value)));
  CHECK(holds("null", test::null()));
  CHECK_FALSE(holds("null", text("null")));
  CHECK_FALSE(holds("null", text("")));
  CHECK(holds("'it''s'", text("it's")));
  CHECK(holds("E'a\\nb'", text("a\nb")));
  CHECK_FALSE(holds("'1'", text("1.0")));
  CHECK_FALSE(holds("'null'", test::null()));
}

TEST_CASE("pins: binary parameters by their declared type") {
  CHECK(holds("1", binary(21, std::string("\0\1", 2))));
  CHECK(holds("-2", binary(23, "\xff\xff\xff\xfe")));
  CHECK(holds("4294967294", binary(26, "\xff\xff\xff\xfe")));
  CHECK(holds("-9223372036854775808", binary(20, std::string("\x80\0\0\0\0\0\0\0", 8))));
  CHECK(holds("true", binary(16, "\1")));
  CHECK(holds("false", binary(16, std::string("\0", 1))));
  CHECK(holds("'abc'", binary(25, "abc")));
  CHECK(holds("'abc'", binary(1043, "abc")));
  CHECK(holds("'00010203-0405-0607-0809-0a0b0c0d0e0f'",
              binary(2950, std::string("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 16))));
  CHECK_FALSE(holds("1", binary(23, std::string("\0\1", 2))));
  CHECK_FALSE(holds("1", binary(0, std::string("\0\0\0\1", 4))));
  CHECK_FALSE(holds("1", binary(701, std::string("\x3f\xf0\0\0\0\0\0\0", 8))));
}

TEST_CASE("pins in the statement's own literals") {
  const auto set = compile(
      "select a from t where b = 'x' and c = false and d = null limit 10 offset 0", "select 1");
  const std::string sql =
      "select a from t where b = 'x' and c = FALSE and d = NULL limit 10.0 offset '0'";
  CHECK(match(set, sql).rule == "r");
  CHECK(match(set, "select a from t where b = 'y' and c = false and d = null limit 10 offset 0")
            .shape_of == "r");
  CHECK(match(set, "select a from t where b = 'x' and c = true and d = null limit 10 offset 0")
            .shape_of == "r");
  CHECK(match(set, "select a from t where b = 'x' and c = false and d = 'null' limit 10 offset 0")
            .shape_of == "r");
  CHECK(match(set, "select a from t where b = 'x' and c = false and d = null limit 10 offset 10")
            .shape_of == "r");
}

TEST_CASE("pinned lists, and lists of names") {
  const auto set =
      compile({test::source("pinned", "select a from t where b in (1, 'x')", "select 1"),
               test::source("empty", "select a from t where b in (NULL)", "select 1", 300),
               test::source("named", "select a from u where b in (CAST(:x::text AS e))",
                            "select a from u where b in (:x)", 500),
               test::source("plain", "select a from v where b in (:x)",
                            "select a from v where b in (:x)", 700)});
  CHECK(match(set, "select a from t where b in ($1, $2)", values({"1.0", "x"})).rule == "pinned");
  CHECK(match(set, "select a from t where b in ($2, $1)", values({"1.0", "x"})).shape_of ==
        "pinned");
  CHECK(match(set, "select a from t where b in (1)").shape_of == "pinned");
  CHECK(match(set, "select a from t where b in (null)").rule == "empty");
  CHECK(match(set, "select a from t where b in ($1)", values({"NULL"})).shape_of == "pinned");
  CHECK(match(set, "select a from u where b in (CAST($2::text AS e), CAST($1::text AS e))",
              values({"p", "q"}))
            .names == std::map<std::string, Texts>{{"x", {"q", "p"}}});
  CHECK(match(set, "select a from v where b in (NULL)").names ==
        std::map<std::string, Texts>{{"x", {}}});
  CHECK(match(set, "select a from v where b in ($1)", values({"NULL"})).names ==
        std::map<std::string, Texts>{{"x", {"NULL"}}});
  CHECK(match(set, "select a from v where b in ($1, null, 3)", values({"7"})).names ==
        std::map<std::string, Texts>{{"x", {"7", "NULL", "3"}}});
}

TEST_CASE("pins choose among the rules of one shape") {
  const auto set = compile(
      {test::source("page1", "select a from t where b = :b limit 10 offset 0", "select :b"),
       test::source("page2", "select a from t where b = :b limit 10 offset 10", "select :b", 300)});
  const std::string sql = "select a from t where b = $1 limit $2 offset $3";
  CHECK(match(set, sql, values({"x", "10", "0"})).rule == "page1");
  CHECK(match(set, sql, values({"x", "10", "10"})).rule == "page2");
  CHECK(match(set, sql, values({"x", "10", "20"})).shape_of == "page1");
  CHECK(set.know(sql).roots.size() == 2);
}

TEST_CASE("the rewrite with its values") {
  const auto set = compile("select a from t where b = :b and c in (:c) and d = $3",
                           "select a from t where b = :b and e = :b and c in (CAST(:c::text AS x)) "
                           "and c = any(:c) and d = $3 and f < $3 and g = 'b'");
  const auto bind = [&](const NamedValues& names) {
    return set.rules()[0]->bind(Side::rewrite, 0, names);
  };
  const auto some = bind(
      {{"b", {.list = false, .members = {test::null()}}},
       {"c", {.list = true, .members = {text("x\"y\\"), test::null(), text("NULL"), text("")}}},
       {"$3", {.list = false, .members = {binary(23, std::string("\0\0\0\1", 4))}}}});
  CHECK(
      some.sql ==
      "select a from t where b = $1 and e = $2 and c in (CAST($3::text AS x), CAST($4::text AS x), "
      "CAST($5::text AS x), CAST($6::text AS x)) and c = any($7) and d = $8 and f < $8 and g = "
      "'b'");
  CHECK(test::texts(some.parameters) == Texts{"NULL", "NULL", "x\"y\\", "NULL", "NULL", "",
                                              "{\"x\\\"y\\\\\",NULL,\"NULL\",\"\"}", "1"});
  // As text, for the server to infer its type; what is not read stays what it was sent as.
  CHECK_FALSE(some.parameters[7].binary);
  CHECK(some.parameters[7].type_oid == 0);
  const auto moment = bind({{"$3", {.list = false, .members = {binary(1184, "12345678")}}}});
  CHECK(moment.parameters.back() == binary(1184, "12345678"));
  Value typed_null{.null = true, .binary = true, .type_oid = 23, .bytes = {}};
  const auto null_of_type = bind({{"$3", {.list = false, .members = {typed_null}}}});
  CHECK(null_of_type.parameters.back() == Value{.null = true, .bytes = {}});

  const auto none = bind({{"b", {.list = false, .members = {text("1")}}},
                          {"c", {.list = true, .members = {}}},
                          {"$3", {.list = false, .members = {text("2")}}}});
  CHECK(none.sql ==
        "select a from t where b = $1 and e = $2 and c in (NULL) and c = any($3) and d = $4 and f "
        "< $4 and g = 'b'");
  CHECK(test::texts(none.parameters) == Texts{"1", "1", "{}", "2"});
}

TEST_CASE("types of parameters: only binary values keep theirs") {
  const auto set = compile("select a from t where b = :b", "select a from t where b = :b");
  Value declared = text("5");
  declared.type_oid = 23;
  CHECK(set.rules()[0]
            ->bind(Side::rewrite, 0, {{"b", {.list = false, .members = {declared}}}})
            .parameters[0]
            .type_oid == 0);
  CHECK(set.rules()[0]
            ->bind(Side::rewrite, 0, {{"b", {.list = false, .members = {binary(701, "12345678")}}}})
            .parameters[0] == binary(701, "12345678"));
}

TEST_CASE("binary members of arrays") {
  const auto set = compile("select a from t where b in (:b)", "select a from t where b = any(:b)");
  const auto bind = [&](std::vector<Value> members) {
    return set.rules()[0]->bind(Side::rewrite, 0,
                                {{"b", {.list = true, .members = std::move(members)}}});
  };
  const auto numbers = bind({binary(23, std::string("\0\0\0\1", 4)), text("2")});
  CHECK(numbers.sql == "select a from t where b = any($1)");
  CHECK(test::texts(numbers.parameters) == Texts{"{\"1\",\"2\"}"});
  const auto unread = bind({binary(701, "12345678"), test::null()});
  CHECK(unread.sql == "select a from t where b = any(ARRAY[$1, $2])");
  CHECK(unread.parameters == std::vector<Value>{binary(701, "12345678"), test::null()});
}

TEST_CASE("lists in ARRAY[] may be empty") {
  const auto set =
      compile("select a from t where b in (:b)", "select a from t where b = any(ARRAY[:b]::int[])");
  const auto bind = [&](std::vector<Value> members) {
    return set.rules()[0]
        ->bind(Side::rewrite, 0, {{"b", {.list = true, .members = std::move(members)}}})
        .sql;
  };
  CHECK(bind({}) == "select a from t where b = any(ARRAY[]::int[])");
  CHECK(bind({text("1"), text("2")}) == "select a from t where b = any(ARRAY[$1, $2]::int[])");
}

TEST_CASE("one value serves as a list of one") {
  const auto set = compile("select a from t where b = :b", "select a from t where b in (:b)");
  CHECK(set.rules()[0]
            ->bind(Side::rewrite, 0, {{"b", {.list = false, .members = {text("1")}}}})
            .sql == "select a from t where b in ($1)");
}

TEST_CASE("lists of every length match and are rendered") {
  const auto set =
      compile("SELECT a FROM t WHERE b IN (:b) OFFSET 0", "select a from t where b in (:b)");
  for (int length = 0; length <= 50; ++length) {
    std::string list;
    std::string rendered;
    Texts given;
    for (int i = 1; i <= length; ++i) {
      list += (i > 1 ? ",$" : "$") + std::to_string(i);
      rendered += (i > 1 ? ", $" : "$") + std::to_string(i);
      given.push_back("v" + std::to_string(i * 7 % 50));
    }
    auto parameters = values(given);
    parameters.push_back(text("0"));
    const std::string sql = "SELECT a FROM t WHERE b IN (" + (length > 0 ? list : "NULL") +
                            ") OFFSET $" + std::to_string(length + 1);
    const auto found = set.match(set.know(sql), parameters);
    // IN (NULL) OFFSET $1
    REQUIRE(found.root.has_value());
    const auto bound = found.root->rule->bind(Side::rewrite, 0, found.root->values);
    CHECK(bound.sql == "select a from t where b in (" + (length > 0 ? rendered : "NULL") + ")");
    CHECK(test::texts(bound.parameters) == given);
  }
}

// Parameters without their numbers; list lengths, columns, spelling stay.
std::string unnumbered(const std::string& sql) {
  std::string text;
  bool number = false;
  for (const char c : sql) {
    number = c == '$' || (number && c >= '0' && c <= '9');
    if (c == '$' || !number) text.push_back(c);
  }
  return text;
}

TEST_CASE("what Prisma sends matches, and gives what Drizzle sends") {
  const auto path =
      std::filesystem::path(PARALLAX_SOURCE_DIR) / "tests/unit/shadow/rules/data/orm_reads.json";
  std::ifstream file(path);
  REQUIRE(file.good());
  const auto data = nlohmann::json::parse(file);
  std::vector<RuleSource> sources;
  int line = 1;
  for (const auto& rule : data.at("rules")) {
    sources.push_back(
        test::source(rule.at("name"), rule.at("legacy"), rule.at("rewrite"), line += 200));
  }
  const auto set = compile(std::move(sources));
  REQUIRE(data.at("cases").size() == 20);
  for (const auto& one : data.at("cases")) {
    INFO(one.dump());
    const std::string sql = one.at("sql");
    const auto parameters = values(one.at("parameters"));
    const auto found = set.match(set.know(sql + " /*operation='x'*/"), parameters);
    REQUIRE(found.root.has_value());
    const auto& matched = *found.root;
    CHECK(matched.rule->name == one.at("rule"));
    const auto bound = matched.rule->bind(Side::rewrite, 0, matched.values);
    const std::string drizzle = one.at("drizzle");
    CHECK(test::key(bound.sql) == test::key(drizzle));
    if (one.at("exact").get<bool>()) CHECK(unnumbered(bound.sql) == unnumbered(drizzle));
    // Without the parameters only the shape fits, where there are any.
    const auto bare = set.match(set.know(sql), {});
    CHECK(!bare.root.has_value() == !parameters.empty());
  }
}

TEST_CASE("the values of captured statements") {
  const auto set = compile(
      "SELECT a FROM t WHERE o = :org AND s IN (CAST(:status::text AS \"S\")) LIMIT :take OFFSET "
      ":skip",
      "select a from t where o = :org and s in (:status) limit :take offset :skip");
  const auto found = match(set,
                           "SELECT a FROM t WHERE o = $1 AND s IN (CAST($2::text AS "
                           "\"S\"),CAST($3::text AS \"S\")) LIMIT $4 OFFSET $5",
                           values({"org_002", "NEW", "IN_PROGRESS", "10", "5"}));
  CHECK(found.names == std::map<std::string, Texts>{{"org", {"org_002"}},
                                                    {"status", {"NEW", "IN_PROGRESS"}},
                                                    {"take", {"10"}},
                                                    {"skip", {"5"}}});
}

}  // namespace
}  // namespace parallax::shadow
