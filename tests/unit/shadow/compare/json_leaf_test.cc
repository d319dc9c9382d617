// Parts of JSON texts, and a value of JSON as the text of a column.

#include "shadow/compare/json_leaf.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "shadow/compare/json_value.h"
#include "shadow/compare/value_reader.h"
#include "tests/unit/shadow/compare/random_source.h"
#include "tests/unit/shadow/compare/results.h"

namespace parallax::shadow {
namespace {

using namespace tests;
using Views = std::vector<std::string_view>;

constexpr std::uint32_t kBytea = 17;
constexpr std::uint32_t kJsonb = 3802;
constexpr std::uint32_t kTextArray = 1009;
constexpr std::uint32_t kInt8Array = 1016;
constexpr std::uint32_t kJsonbArray = 3807;
constexpr std::uint32_t kDate = 1082;
constexpr std::uint32_t kTimestamp = 1114;
constexpr std::uint32_t kTimestamptz = 1184;

TypeCatalog types() {
  TypeCatalog out = catalog_of_tests().types;
  const auto array = [](std::uint32_t of) {
    return TypeFacts{.kind = TypeKind::array, .name = {}, .of = of, .fields = {}};
  };
  out[kTextArray] = array(kText);
  out[kInt8Array] = array(kInt8);
  out[kJsonbArray] = array(kJsonb);
  return out;
}

// As a cell; "other kind" where no column of the type is written so.
std::string cell(std::uint32_t type, std::string_view value) {
  const TypeCatalog catalog = types();
  const auto read = JsonLeaf(catalog, type).read(value);
  if (read.other_kind) return "other kind";
  return (read.text ? *read.text : "NULL") + (read.hazard ? " hazard" : "");
}

TEST_CASE("the elements of an array as they stand there") {
  CHECK(json_elements("[]") == Views{});
  CHECK(json_elements(" [ ] ") == Views{});
  CHECK(json_elements("[1, \"a,]\\\"b\" ,[2,[3]],{\"x\":[1,2]}, null]") ==
        Views{"1", "\"a,]\\\"b\"", "[2,[3]]", "{\"x\":[1,2]}", "null"});
  for (const char* const text : {"", "1", "{}", "[1", "[1,]", "[,1]", "[1]]", "[\"a]", "[[1]"})
    CHECK_FALSE(json_elements(text));
}

TEST_CASE("the members of an object, keys as they are meant") {
  CHECK(json_members("{}") == JsonMembers{});
  CHECK(json_members("{\"a\": 1, \"b\\u00e9:,\" : {\"c\": [1]},\"a\":\"}\"}") ==
        JsonMembers{{"a", "1"}, {"bé:,", "{\"c\": [1]}"}, {"a", "\"}\""}});
  for (const char* const text :
       {"", "[]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "{\"a\":1"})
    CHECK_FALSE(json_members(text));
}

TEST_CASE("a string of JSON") {
  CHECK(json_string("\"a\\n\\\"\\u00e9\\ud83d\\ude00\"") == "a\n\"é😀");
  CHECK_FALSE(json_string("1"));
  CHECK_FALSE(json_string("\"a"));
}

TEST_CASE("texts that are no JSON break nothing") {
  RandomSource source("random parts of JSON");
  const TypeCatalog catalog = types();
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t i = source.below(12); i > 0; --i)
      text += std::string_view("[]{}\",:\\ 1tfn-e.u")[source.below(17)];
    json_members(text);
    if (const auto elements = json_elements(text)) {
      for (const auto element : *elements) JsonLeaf(catalog, kInt8Array).read(element);
    }
    for (const std::uint32_t type : {0U, kText, kTextArray, kJsonb})
      JsonLeaf(catalog, type).read(text);
  }
}

TEST_CASE("a value is the text of its column's type") {
  CHECK(cell(kText, "\"a\\u00e9\"") == "aé");
  CHECK(cell(kText, "null") == "NULL");
  CHECK(cell(kText, "12") == "other kind");
  CHECK(cell(kInt4, "12") == "12");
  CHECK(cell(kInt8, "\"12\"") == "12");
  CHECK(cell(kBool, "true") == "t");
  CHECK(cell(kBool, "\"true\"") == "other kind");
  CHECK(cell(kFloat8, "\"NaN\"") == "NaN");
  CHECK(cell(kFloat8, "1e+21") == "1e+21");
  CHECK(cell(kInt4, "true") == "other kind");
  CHECK(cell(kMood, "\"glad\"") == "glad");
  CHECK(cell(kBytea, "\"\\\\x00ff\"") == "\\x00ff");
  CHECK(cell(kTimestamp, "\"2024-02-03T11:05:06.5\"") == "2024-02-03 11:05:06.5");
  CHECK(cell(kTimestamptz, "\"2024-02-03T11:05:06+05:30\"") == "2024-02-03 11:05:06+05:30");
  CHECK(cell(kTimestamptz, "\"infinity\"") == "infinity");
  CHECK(cell(kTimestamp, "\"0044-03-15T12:00:00 BC\"") == "0044-03-15 12:00:00 BC");
  CHECK(cell(kDate, "\"2024-02-03\"") == "2024-02-03");
  CHECK(cell(kJsonb, "{\"a\": [1]}") == "{\"a\": [1]}");
  CHECK(cell(kText, "[1]") == "other kind");
}

TEST_CASE("a timestamp keeps whether it has a zone") {
  const TypeCatalog catalog = types();
  const auto instant = [&](std::uint32_t type, const char* value) {
    return ValueReader(catalog, type, false)
        .microseconds(*JsonLeaf(catalog, type).read(value).text);
  };
  CHECK(instant(kTimestamptz, "\"2024-02-03T11:05:06+05:30\"") ==
        instant(kTimestamptz, "\"2024-02-03T05:35:06+00:00\""));
  CHECK_FALSE(instant(kTimestamptz, "\"2024-02-03T11:05:06\""));
  CHECK_FALSE(instant(kTimestamp, "\"2024-02-03T11:05:06+00:00\""));
  CHECK(instant(kTimestamp, "\"2024-02-03T11:05:06\""));
}

TEST_CASE("an array of JSON is an array") {
  CHECK(cell(kTextArray, "[]") == "{}");
  CHECK(cell(kTextArray, "[\"a\", null, \"\", \"b\\\"\\\\,}\"]") ==
        "{\"a\",NULL,\"\",\"b\\\"\\\\,}\"}");
  CHECK(cell(kTextArray, "[[\"a\"],[\"b\"]]") == "{{\"a\"},{\"b\"}}");
  CHECK(cell(kTextArray, "[1]") == "other kind");
  CHECK(cell(kTextArray, "\"{a,b}\"") == "{a,b}");
  CHECK(cell(kTextArray, "{}") == "other kind");
  CHECK(cell(kTextArray, "[[[[[[\"a\"]]]]]]") == "{{{{{{\"a\"}}}}}}");
  CHECK(cell(kTextArray, std::string(7, '[') + std::string(7, ']')) == "other kind");
  CHECK(cell(kTextArray, std::string(100'000, '[') + std::string(100'000, ']')) == "other kind");
  CHECK(cell(kInt8Array, "[1, 2]") == "{\"1\",\"2\"}");
  CHECK(cell(kInt8Array, "[1, 9007199254740993]").ends_with(" hazard"));
  CHECK(cell(kJsonbArray, "[[1], {\"a\": \"b\"}]") == "{\"[1]\",\"{\\\"a\\\": \\\"b\\\"}\"}");
}

TEST_CASE("a bigint or numeric that a double changes is a hazard") {
  CHECK(cell(kInt8, "9007199254740993") == "9007199254740993 hazard");
  CHECK(cell(kInt8, "9007199254740992") == "9007199254740992");
  CHECK(cell(kInt8, "\"9007199254740993\"") == "9007199254740993");
  CHECK(cell(kNumeric, "0.1") == "0.1");
  CHECK(cell(kNumeric, "1.50") == "1.50");
  CHECK(cell(kNumeric, "12345678901234567.89") == "12345678901234567.89 hazard");
  // A float8 is no more exact than a double.
  CHECK(cell(kFloat8, "12345678901234567.89") == "12345678901234567.89");
}

TEST_CASE("against JSON, a bigint may be a string") {
  CHECK(cell(0, "\"9007199254740993\"") == "9007199254740993");
  CHECK(cell(0, "9007199254740993") == "9007199254740993 hazard");
  CHECK(cell(0, "\"007\"") == "\"007\"");
  CHECK(cell(0, "\"1.0\"") == "\"1.0\"");
  CHECK(cell(0, "\"-7\"") == "-7");
  CHECK(cell(0, "\"-\"") == "\"-\"");
  CHECK(cell(0, "[1, 2]") == "[1, 2]");
  CHECK(cell(0, "null") == "NULL");
}

}  // namespace
}  // namespace parallax::shadow
