// Golden pairs of json and jsonb.

#include <catch2/catch.hpp>

#include "tests/unit/shadow/compare/value_cells.h"

namespace parallax::shadow {
namespace {

using namespace tests;

Cell json(std::string bytes) { return text(oid::kJson, std::move(bytes)); }
Cell jsonb(std::string bytes) { return text(oid::kJsonb, std::move(bytes)); }

void check_both_ways(const Cell& legacy, const Cell& rewrite, const Steps& steps) {
  INFO(legacy << " and " << rewrite);
  CHECK(names(equal_steps(legacy, rewrite)) == names(steps));
  CHECK(names(equal_steps(rewrite, legacy)) == names(steps));
}

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']');
}

TEST_CASE("json is equal by structure, and what differs in its text is told") {
  const Steps blanks = {EqualStep::json_text};
  const Steps scale = {EqualStep::numeric_scale};
  const Steps order = {EqualStep::json_order};
  check_both_ways(json("{}"), json("{ }"), blanks);
  check_both_ways(json("[1, 2]"), json("[1,2]"), blanks);
  check_both_ways(json("[1 ,2]"), json("[1, 2]"), blanks);
  check_both_ways(json("\"a\""), json("\"\\u0061\""), blanks);
  check_both_ways(json("\"\\/\""), json("\"/\""), blanks);
  check_both_ways(json("\"\\ud83d\\ude00\""), json("\"\xf0\x9f\x98\x80\""), blanks);
  check_both_ways(json("1.0"), json("1.00"), scale);
  check_both_ways(json("1e2"), json("100"), scale);
  check_both_ways(json("{\"a\":1,\"b\":2}"), json("{\"b\":2,\"a\":1}"), order);
  check_both_ways(json("{\"x\":{\"a\":1,\"b\":2.0}}"), json("{\"x\": {\"b\":2,\"a\":1}}"),
                  {EqualStep::numeric_scale, EqualStep::json_text, EqualStep::json_order});
}

TEST_CASE("json that is not the same is found however deep it stands") {
  check_both_ways(json("[1,2]"), json("[2,1]"), kDifferent);
  check_both_ways(json("1"), json("\"1\""), kDifferent);
  check_both_ways(json("null"), json("\"null\""), kDifferent);
  check_both_ways(json("{}"), json("[]"), kDifferent);
  check_both_ways(json("[[]]"), json("[[],[]]"), kDifferent);
  check_both_ways(json("{\"a\":null}"), json("{}"), kDifferent);
  check_both_ways(json("true"), json("false"), kDifferent);
  check_both_ways(json("[12]"), json("[1,2]"), kDifferent);
  check_both_ways(json("\"a\""), json("\"a \""), kDifferent);
  check_both_ways(json("9007199254740993"), json("9007199254740992"), kDifferent);
  check_both_ways(json("0.1"), json("0.1000000000000000055511151231257827"), kDifferent);
  std::string deep = "0";
  std::string changed = "1";
  for (int i = 0; i < 100; ++i) {
    deep = "{\"k\":[" + deep + "]}";
    changed = "{\"k\":[" + changed + "]}";
  }
  check_both_ways(json(deep), json(changed), kDifferent);
}

TEST_CASE("a key that repeats counts each time in json, the last time against jsonb") {
  check_both_ways(json("{\"a\":1,\"a\":2}"), json("{\"a\":2}"), kDifferent);
  check_both_ways(json("{\"a\":1,\"a\":2}"), json("{\"a\":2,\"a\":1}"), kDifferent);
  check_both_ways(json("{\"b\":0,\"a\":1,\"a\":2}"), json("{\"a\":1,\"a\":2,\"b\":0}"),
                  {EqualStep::json_order});
  check_both_ways(json("{\"a\":1,\"a\":2}"), jsonb("{\"a\": 3}"), kDifferent);
  CHECK_FALSE(equal_steps(json("{\"a\":1,\"a\":2}"), jsonb("{\"a\": 2}")).empty());
  CHECK_FALSE(
      equal_steps(json("[{\"a\":1,\"b\":0,\"a\":2}]"), jsonb("[{\"a\": 2, \"b\": 0}]")).empty());
  check_both_ways(json("[{\"a\":1,\"b\":0,\"a\":2}]"), jsonb("[{\"a\": 1, \"b\": 0}]"), kDifferent);
}

TEST_CASE("json and jsonb are the same in both formats") {
  check_both_ways(json("[1]"), Cell{oid::kJson, true, "[1]"}, kFormat);
  check_both_ways(jsonb("[1]"), Cell{oid::kJsonb, true, "\x01[1]"}, kFormat);
  check_both_ways(jsonb("[1]"), Cell{oid::kJsonb, true, "\x01[2]"}, kDifferent);
  check_both_ways(jsonb("[1]"), Cell{oid::kJsonb, true, "\x02[1]"}, kDifferent);
  check_both_ways(Cell{oid::kJson, true, "[1]"}, Cell{oid::kJsonb, true, "\x01[1]"},
                  {EqualStep::json_text});
}

TEST_CASE("odd characters of json are characters like others") {
  check_both_ways(json("\"\\u0000\""), json("\"\""), kDifferent);
  check_both_ways(json("\"\\u0000\""), json("\"\\u0000\\u0000\""), kDifferent);
  check_both_ways(json("\"\\ud800\""), json("\"\\ud801\""), kDifferent);
  check_both_ways(json("\"\\ud800\\u0041\""), json("\"\\ud800A\""), {EqualStep::json_text});
  check_both_ways(json("\"\\ud800\\ud800\\udc00\""), json("\"\\uD800\\uD800\\uDC00\""),
                  {EqualStep::json_text});
  check_both_ways(json("{\"\\u0061\":1}"), json("{\"a\":1}"), {EqualStep::json_text});
}

TEST_CASE("what is no json, or too deep, equals only itself") {
  for (const std::string wrong : {"",
                                  " ",
                                  "{",
                                  "[",
                                  "[1",
                                  "[1,]",
                                  "{\"a\"}",
                                  "{\"a\":}",
                                  "{a:1}",
                                  "{\"a\":1,}",
                                  "01",
                                  "1.",
                                  ".5",
                                  "-",
                                  "1e",
                                  "+1",
                                  "nul",
                                  "tru",
                                  "\"",
                                  "\"\\",
                                  "\"\\x\"",
                                  "\"\\u12\"",
                                  "\"\\ud800\\u12\"",
                                  "[1]]",
                                  "1 2",
                                  "'a'",
                                  "\"\n\"",
                                  "NaN"}) {
    const Cell cell = json(wrong);
    INFO(cell);
    CHECK(names(equal_steps(cell, cell)) == "exact");
    CHECK(names(equal_steps(cell, json(wrong + " "))) == "different");
    CHECK(names(equal_steps(cell, {oid::kJson, true, wrong})) == "different");
  }
  check_both_ways(json(nested(200)), json(" " + nested(200)), {EqualStep::json_text});
  check_both_ways(json(nested(100'000)), json(" " + nested(100'000)), kDifferent);
  check_both_ways(json(std::string(1'000'000, '[')), json(std::string(1'000'001, '[')), kDifferent);
}

TEST_CASE("a number that a double does not keep is told") {
  for (const char* kept : {"0", "1", "-1", "0.1", "1.10", "1e2", "9007199254740992", "1e21",
                           "123456789.125", "-0", "0.30000000000000004"}) {
    INFO(kept);
    CHECK_FALSE(ValueReader::changes_as_double(kept));
  }
  for (const char* changed :
       {"9007199254740993", "-9223372036854775807", "0.1000000000000000055511151231257827", "1e400",
        "12345678901234567.5", "NaN", "abc", ""}) {
    INFO(changed);
    CHECK(ValueReader::changes_as_double(changed));
  }
}

}  // namespace
}  // namespace parallax::shadow
