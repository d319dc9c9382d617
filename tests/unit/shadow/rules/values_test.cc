#include "shadow/rules/values.h"

#include <catch2/catch.hpp>

#include "shadow/rules/literal.h"
#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

TEST_CASE("numbers by value") {
  CHECK(same_number("0", "-0"));
  CHECK(same_number("0.10", ".1"));
  CHECK(same_number("100", "1e2"));
  CHECK(same_number("1E+2", "100.000"));
  CHECK_FALSE(same_number("100", "1e3"));
  CHECK_FALSE(same_number("1", "-1"));
  CHECK_FALSE(same_number("a", "a"));
  CHECK_FALSE(same_number("", ""));
  CHECK_FALSE(same_number("--1", "--1"));
}

TEST_CASE("texts of values") {
  CHECK(text_of(test::text("x")) == "x");
  CHECK(text_of(test::null()) == std::nullopt);
  CHECK(text_of(test::binary(16, "\1")) == "t");
  CHECK(text_of(test::binary(16, "ab")) == std::nullopt);
  CHECK(text_of(test::binary(21, "\xff\xff")) == "-1");
  CHECK(text_of(test::binary(20, "\x7f\xff\xff\xff\xff\xff\xff\xff")) == "9223372036854775807");
  CHECK(text_of(test::binary(2950, "short")) == std::nullopt);
  CHECK(text_of(test::binary(700, "abcd")) == std::nullopt);
}

TEST_CASE("malformed string constants decode to nothing") {
  for (const char* source :
       {"", "'", "'a", "a'", "E'\\u12'", "E'\\udc00'", "E'\\ud800x'", "E'\\ud800\\ud800'",
        "E'\\U00110000'", "E'\\xff'", "E'\\0'", "U&'\\12'", "U&'\\", "U", "$a", "$a$b$", "?"}) {
    INFO(source);
    CHECK(decode_string(source) == std::nullopt);
  }
}

}  // namespace
}  // namespace parallax::shadow
