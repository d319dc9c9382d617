// Golden pairs of arrays, composites, ranges and domains, and which types go with which.

#include <catch2/catch.hpp>

#include "tests/unit/shadow/compare/value_cells.h"

namespace parallax::shadow {
namespace {

using namespace tests;

constexpr std::uint32_t kInt4Array = 1007, kInt8Array = 1016, kTextArray = 1009,
                        kVarcharArray = 1015, kBoxArray = 1020, kNumericArray = 1231,
                        kJsonArray = 199, kJsonbArray = 3807, kMoneyArray = 791;
constexpr std::uint32_t kNumrange = 3906, kNummultirange = 4532, kMood = 20000, kOtherMood = 20001,
                        kAmount = 20002, kAmounts = 20003, kPair = 20004, kPairArray = 20005,
                        kRing = 20006, kSelf = 20007, kTextrange = 20008, kAmountArray = 20009,
                        kSelfArray = 20010;

TypeFacts made_of(TypeKind kind, std::uint32_t of) {
  TypeFacts facts;
  facts.kind = kind;
  facts.of = of;
  return facts;
}

TypeCatalog make_catalog() {
  TypeCatalog catalog;
  for (const auto& [array, element] :
       std::initializer_list<std::pair<std::uint32_t, std::uint32_t>>{
           {kInt4Array, oid::kInt4},
           {kInt8Array, oid::kInt8},
           {kTextArray, oid::kText},
           {kVarcharArray, oid::kVarchar},
           {kBoxArray, oid::kBox},
           {kNumericArray, oid::kNumeric},
           {kJsonArray, oid::kJson},
           {kJsonbArray, oid::kJsonb},
           {kMoneyArray, oid::kMoney},
           {kPairArray, kPair},
           {kAmountArray, kAmount},
           {kSelfArray, kSelf}}) {
    catalog[array] = made_of(TypeKind::array, element);
  }
  catalog[oid::kBox].delimiter = ';';
  catalog[kMood] = made_of(TypeKind::enumeration, 0);
  catalog[kOtherMood] = made_of(TypeKind::enumeration, 0);
  catalog[kAmount] = made_of(TypeKind::domain, oid::kNumeric);
  catalog[kAmounts] = made_of(TypeKind::domain, kAmountArray);
  catalog[kNumrange] = made_of(TypeKind::range, oid::kNumeric);
  catalog[kTextrange] = made_of(TypeKind::range, oid::kText);
  catalog[kNummultirange] = made_of(TypeKind::multirange, kNumrange);
  catalog[kPair] = made_of(TypeKind::composite, 0);
  catalog[kPair].fields = {oid::kInt4, oid::kText};
  // No server has these.
  catalog[kRing] = made_of(TypeKind::domain, kRing);
  catalog[kSelf] = made_of(TypeKind::composite, 0);
  catalog[kSelf].fields = {kSelf, kSelfArray};
  return catalog;
}

const TypeCatalog& catalog() {
  static const TypeCatalog made = make_catalog();
  return made;
}

void check_all(const std::vector<Golden>& pairs) {
  for (const Golden& pair : pairs) {
    INFO(pair.legacy << " and " << pair.rewrite);
    CHECK(names(equal_steps(pair.legacy, pair.rewrite, catalog())) == names(pair.steps));
    CHECK(names(equal_steps(pair.rewrite, pair.legacy, catalog())) == names(pair.steps));
  }
}

TEST_CASE("arrays are compared element by element, with their dimensions and bounds") {
  const std::string one_two =
      "00000001 00000000 00000017 00000002 00000001 00000004 00000001 00000004 00000002";
  check_all({
      {text(kInt4Array, "{1,2}"), binary(kInt4Array, one_two), kFormat},
      {text(kInt4Array, "[1:2]={1,2}"), binary(kInt4Array, one_two), kFormat},
      {text(kInt4Array, "[0:1]={1,2}"), binary(kInt4Array, one_two), kDifferent},
      {text(kInt4Array, "{{1,2}}"), binary(kInt4Array, one_two), kDifferent},
      {text(kInt4Array, "{1,2}"), text(kInt4Array, "{2,1}"), kDifferent},
      {text(kInt4Array, "{1,2}"), text(kInt4Array, "{1,2,NULL}"), kDifferent},
      {text(kInt4Array, "{}"), binary(kInt4Array, "00000000 00000000 00000017"), kFormat},
      {text(kInt4Array, "{NULL}"),
       binary(kInt4Array, "00000001 00000001 00000017 00000001 00000001 ffffffff"), kFormat},
      // The flag says that there may be NULLs; there are none.
      {binary(kInt4Array, one_two),
       binary(kInt4Array,
              "00000001 00000001 00000017 00000002 00000001 00000004 00000001 00000004 "
              "00000002"),
       kFormat},
      {text(kInt4Array, "{1,2}"), text(kInt8Array, "{1,2}"), kExact},
      {binary(kInt4Array, one_two), text(kInt8Array, "{1,2}"), kFormat},
      {text(kTextArray, "{NULL}"), text(kTextArray, "{\"NULL\"}"), kDifferent},
      {text(kTextArray, "{\"a,b\",\"c\\\"d\",\"\"}"),
       binary(kTextArray,
              "00000001 00000000 00000019 00000003 00000001 00000003 612c62 00000003 632264 "
              "00000000"),
       kFormat},
      {text(kTextArray, "{a}"), text(kVarcharArray, "{a}"), kExact},
      {text(kNumericArray, "{1.0}"), text(kNumericArray, "{1.00}"), {EqualStep::numeric_scale}},
      {text(kNumericArray, "{{1.0,2},{3,4}}"),
       text(kNumericArray, "{{1,2},{3,4.0}}"),
       {EqualStep::numeric_scale}},
      {text(kNumericArray, "{{1,2},{3,4}}"), text(kNumericArray, "{{1,2},{3,5}}"), kDifferent},
      {text(kJsonArray, "{\"{\\\"a\\\":1,\\\"a\\\":2}\"}"),
       text(kJsonbArray, "{\"{\\\"a\\\": 2}\"}"),
       {EqualStep::json_text, EqualStep::json_order}},
      {text(kBoxArray, "{(1,1),(0,0);(2,2),(0,0)}"), text(kBoxArray, "{(1,1),(0,0);(2,2),(0,0)}"),
       kExact},
      {text(kAmounts, "{1.0}"), text(kNumericArray, "{1}"), {EqualStep::numeric_scale}},
  });
}

TEST_CASE("composites are compared field by field") {
  check_all({
      {text(kPair, "(1,a)"),
       binary(kPair, "00000002 00000017 00000004 00000001 00000019 00000001 61"), kFormat},
      {text(kPair, "(1,)"), binary(kPair, "00000002 00000017 00000004 00000001 00000019 ffffffff"),
       kFormat},
      {text(kPair, "(1,\"\")"), text(kPair, "(1,)"), kDifferent},
      {text(kPair, "(1,\"a \"\"b\\\\c\")"),
       binary(kPair, "00000002 00000017 00000004 00000001 00000019 00000007 612022625c63 20"),
       kDifferent},
      {text(kPair, "(1,\"a \"\"b\\\\c\")"),
       binary(kPair, "00000002 00000017 00000004 00000001 00000019 00000006 612022625c63"),
       kFormat},
      {text(kPairArray, "{\"(1,\\\"a,b\\\")\",NULL}"),
       binary(kPairArray,
              "00000001 00000001 00004e24 00000002 00000001 0000001b 00000002 00000017 00000004 "
              "00000001 00000019 00000003 612c62 ffffffff"),
       kFormat},
      {text(kPairArray, "{\"(1,\\\"a,b\\\")\",NULL}"),
       binary(kPairArray,
              "00000001 00000001 00004e24 00000002 00000001 00000017 00000002 00000017 00000004 "
              "00000001 00000019 00000003 612c62 ffffffff"),
       kDifferent},
  });
}

TEST_CASE("ranges are compared by their bounds") {
  const std::string one = "0000000a 0001 0000 0000 0000 0001";
  const std::string two = "0000000a 0001 0000 0000 0000 0002";
  check_all({
      {text(kNumrange, "[1,2)"), binary(kNumrange, "02 " + one + two), kFormat},
      {text(kNumrange, "[1,2]"), binary(kNumrange, "02 " + one + two), kDifferent},
      {text(kNumrange, "(,2]"), binary(kNumrange, "0c " + two), kFormat},
      {text(kNumrange, "(,)"), binary(kNumrange, "18"), kFormat},
      {text(kNumrange, "empty"), binary(kNumrange, "01"), kFormat},
      {text(kNumrange, "[1.0,2)"), text(kNumrange, "[1,2)"), {EqualStep::numeric_scale}},
      {text(kTextrange, "[\"\",a)"), text(kTextrange, "(,a)"), kDifferent},
      {text(kTextrange, "[\"a,b\",\"c\"\"\")"),
       binary(kTextrange, "02 00000003 612c62 00000002 6322"), kFormat},
      {text(kNummultirange, "{[1,2),[2,2]}"),
       binary(kNummultirange, "00000002 0000001d 02 " + one + two + "0000001d 06 " + two + two),
       kFormat},
      {text(kNummultirange, "{}"), binary(kNummultirange, "00000000"), kFormat},
      {text(kNummultirange, "{[1,2)}"),
       text(kNummultirange, "{[1.0,2)}"),
       {EqualStep::numeric_scale}},
  });
}

TEST_CASE("malformed arrays, composites and ranges equal only themselves") {
  const std::vector<std::pair<std::uint32_t, std::string>> broken = {
      {kInt4Array, ""},
      {kInt4Array, "{"},
      {kInt4Array, "{1"},
      {kInt4Array, "{1,}"},
      {kInt4Array, "1,2}"},
      {kInt4Array, "{1}}"},
      {kInt4Array, "{{1,2},{3}}"},
      {kInt4Array, "[0:1]={1}"},
      {kInt4Array, "[0:1]"},
      {kInt4Array, "[0:1={1,2}"},
      {kInt4Array, "{{{{{{{1}}}}}}}"},
      {kInt4Array, std::string(100'000, '{')},
      {kInt4Array, "{\"1}"},
      {kTextArray, "{a\\"},
      {kTextArray, "{\"a\"\""},
      {kInt4Array, std::string("\x7f\xff\xff\xff\0\0\0\0\0\0\0\x17", 12)},
      {kInt4Array, std::string("\0\0\0\1\0\0\0\0\0\0\0\x17\x7f\xff\xff\xff\0\0\0\1", 20)},
      {kInt4Array, std::string("\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1\x7f\xff\xff\xff", 24)},
      {kPair, ""},
      {kPair, "("},
      {kPair, "(1"},
      {kPair, "(1)"},
      {kPair, "(1,2,3)"},
      {kPair, "(1,2)x"},
      {kNumrange, ""},
      {kNumrange, "[1"},
      {kNumrange, "[1,2"},
      {kNumrange, "1,2)"},
      {kNumrange, "[1,2)x"},
      {kNumrange, "emptyx"},
      {kNumrange, std::string("\2", 1)},
      {kNummultirange, "{[1,2)"},
      {kNummultirange, "{[1,2),}"},
      {kNummultirange, "[1,2)"},
      {kNummultirange, "\xff\xff\xff\xff"}};
  for (const auto& [type, bytes] : broken) {
    const Cell as_text{type, false, bytes};
    const Cell as_binary{type, true, bytes};
    INFO(as_text);
    for (const Cell& cell : {as_text, as_binary}) {
      CHECK(names(equal_steps(cell, cell, catalog())) == "exact");
      CHECK(canonical(ValueReader(catalog(), type, cell.binary), bytes).front() == kUnreadMark);
    }
    CHECK(names(equal_steps(as_text, as_binary, catalog())) == "different");
  }
}

TEST_CASE("what is made of types that are not understood is not understood") {
  for (const auto type : {kBoxArray, kMoneyArray, kRing, kSelf, kSelfArray}) {
    INFO(type);
    CHECK_FALSE(ValueReader(catalog(), type, false).understood());
    CHECK_FALSE(ValueReader(catalog(), type, true).comparable_across_formats());
  }
  const TextStyle rounded{true, false, true};
  TypeCatalog floats;
  floats[1022] = made_of(TypeKind::array, oid::kFloat8);
  CHECK(ValueReader(floats, 1022, true).comparable_across_formats());
  CHECK_FALSE(ValueReader(floats, 1022, true, rounded).comparable_across_formats());
}

TEST_CASE("binary arrays and composites are shown as people read them") {
  const auto shown = [](const Cell& cell) {
    return ValueReader(catalog(), cell.type, cell.binary).readable(cell.bytes);
  };
  CHECK(shown(binary(kInt4Array,
                     "00000002 00000001 00000017 00000002 00000001 00000002 00000005 "
                     "00000004 00000001 00000004 00000002 ffffffff 00000004 00000004")) ==
        "{{1,2},{NULL,4}}");
  CHECK(shown(binary(kInt4Array, "00000000 00000000 00000017")) == "{}");
  CHECK(shown(binary(kPair, "00000002 00000017 00000004 00000001 00000019 00000001 61")) ==
        "(1,a)");
  CHECK(shown(binary(kPairArray,
                     "00000001 00000001 00004e24 00000001 00000001 0000001b 00000002 00000017 "
                     "00000004 00000001 00000019 00000003 612c62")) == "{(1,a,b)}");
  CHECK(shown(binary(kInt4Array, "00000001 00000000 00000017 00000001 00000001 00000004")) ==
        "\\x0000000100000000000000170000000100000001"
        "00000004");
  CHECK(shown(binary(kPair, "00000003")) == "\\x00000003");
}

TEST_CASE("types of one family are comparable, others only with themselves") {
  struct Case {
    std::uint32_t legacy;
    std::uint32_t rewrite;
    bool comparable;
    std::optional<EqualStep> step;
  };
  for (const Case& one :
       std::initializer_list<Case>{{oid::kInt4, oid::kInt4, true, std::nullopt},
                                   {oid::kInt2, oid::kInt8, true, EqualStep::type_width},
                                   {oid::kFloat4, oid::kFloat8, true, EqualStep::type_width},
                                   {oid::kText, oid::kVarchar, true, EqualStep::text_type},
                                   {oid::kBpchar, oid::kName, true, EqualStep::text_type},
                                   {oid::kJson, oid::kJsonb, true, EqualStep::json_text},
                                   {kMood, oid::kText, true, EqualStep::enum_text},
                                   {oid::kVarchar, kMood, true, EqualStep::enum_text},
                                   {kAmount, oid::kNumeric, true, std::nullopt},
                                   {kAmounts, kNumericArray, true, std::nullopt},
                                   {kInt4Array, kInt8Array, true, EqualStep::type_width},
                                   {kTextArray, kVarcharArray, true, EqualStep::text_type},
                                   {oid::kMoney, oid::kMoney, true, std::nullopt},
                                   {oid::kRecord, oid::kRecord, true, std::nullopt},
                                   {kMood, kOtherMood, false, std::nullopt},
                                   {oid::kInt4, oid::kNumeric, false, std::nullopt},
                                   {oid::kFloat8, oid::kNumeric, false, std::nullopt},
                                   {oid::kInt4, oid::kOid, false, std::nullopt},
                                   {oid::kInt4, oid::kText, false, std::nullopt},
                                   {oid::kTimestamp, oid::kTimestamptz, false, std::nullopt},
                                   {oid::kDate, oid::kTimestamp, false, std::nullopt},
                                   {kInt4Array, oid::kInt4, false, std::nullopt},
                                   {kInt4Array, kTextArray, false, std::nullopt},
                                   {kPair, oid::kRecord, false, std::nullopt},
                                   {oid::kJson, oid::kText, false, std::nullopt},
                                   {kRing, kMood, false, std::nullopt}}) {
    INFO(one.legacy << " and " << one.rewrite);
    for (const bool turned : {false, true}) {
      const auto match = turned ? match_types(one.rewrite, one.legacy, catalog())
                                : match_types(one.legacy, one.rewrite, catalog());
      CHECK(match.comparable == one.comparable);
      CHECK(match.step == one.step);
    }
  }
}

}  // namespace
}  // namespace parallax::shadow
