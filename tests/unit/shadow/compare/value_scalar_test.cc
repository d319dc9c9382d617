// Golden pairs of scalars: text and text, text and binary, binary and binary.

#include <catch2/catch.hpp>

#include "tests/unit/shadow/compare/value_cells.h"

namespace parallax::shadow {
namespace {

using namespace tests;

void check_all(const std::vector<Golden>& pairs) {
  for (const Golden& pair : pairs) {
    INFO(pair.legacy << " and " << pair.rewrite);
    CHECK(names(equal_steps(pair.legacy, pair.rewrite)) == names(pair.steps));
    CHECK(names(equal_steps(pair.rewrite, pair.legacy)) == names(pair.steps));
  }
}

TEST_CASE("booleans, integers and oids are the same in both formats and of any width") {
  const Steps width = {EqualStep::type_width};
  check_all({
      {text(oid::kBool, "t"), text(oid::kBool, "t"), kExact},
      {text(oid::kBool, "t"), text(oid::kBool, "f"), kDifferent},
      {text(oid::kBool, "t"), binary(oid::kBool, "01"), kFormat},
      {text(oid::kBool, "t"), binary(oid::kBool, "00"), kDifferent},
      {binary(oid::kBool, "00"), binary(oid::kBool, "01"), kDifferent},
      {text(oid::kInt4, "7"), text(oid::kInt8, "7"), kExact},
      {text(oid::kInt4, "7"), binary(oid::kInt4, "00000007"), kFormat},
      {text(oid::kInt2, "-1"), binary(oid::kInt8, "ffffffffffffffff"), kFormat},
      {binary(oid::kInt2, "ffff"), binary(oid::kInt8, "ffffffffffffffff"), width},
      {binary(oid::kInt2, "ffff"), binary(oid::kInt4, "0000ffff"), kDifferent},
      {text(oid::kInt8, "-9223372036854775808"), binary(oid::kInt8, "8000000000000000"), kFormat},
      {text(oid::kInt8, "9223372036854775807"), binary(oid::kInt8, "7ffffffffffffffe"), kDifferent},
      {text(oid::kOid, "4294967295"), binary(oid::kOid, "ffffffff"), kFormat},
      {text(oid::kOid, "0"), binary(oid::kOid, "00000001"), kDifferent},
  });
}

TEST_CASE("floats: zeros and NaNs are one, float4 is widened") {
  const Steps zero = {EqualStep::negative_zero};
  check_all({
      {text(oid::kFloat8, "0.1"), binary(oid::kFloat8, "3fb999999999999a"), kFormat},
      {text(oid::kFloat8, "0.30000000000000004"), text(oid::kFloat8, "0.3"), kDifferent},
      {text(oid::kFloat8, "1e+300"), binary(oid::kFloat8, "7e37e43c8800759c"), kFormat},
      {text(oid::kFloat8, "-0"), text(oid::kFloat8, "0"), zero},
      {text(oid::kFloat8, "-0"),
       binary(oid::kFloat8, "0000000000000000"),
       {EqualStep::negative_zero, EqualStep::format}},
      {binary(oid::kFloat4, "80000000"), binary(oid::kFloat4, "00000000"), zero},
      {text(oid::kFloat8, "NaN"), binary(oid::kFloat8, "7ff8000000000000"), kFormat},
      {text(oid::kFloat8, "NaN"), binary(oid::kFloat8, "fff8000000000001"), kFormat},
      {text(oid::kFloat8, "Infinity"), binary(oid::kFloat8, "7ff0000000000000"), kFormat},
      {text(oid::kFloat4, "-Infinity"), binary(oid::kFloat4, "ff800000"), kFormat},
      {text(oid::kFloat8, "-Infinity"), text(oid::kFloat8, "Infinity"), kDifferent},
      {text(oid::kFloat4, "0.1"), binary(oid::kFloat4, "3dcccccd"), kFormat},
      {text(oid::kFloat4, "1e-45"), binary(oid::kFloat4, "00000001"), kFormat},
      // 0.1::float4 = 0.1::float8 does not hold.
      {text(oid::kFloat4, "0.1"), text(oid::kFloat8, "0.1"), kDifferent},
      {text(oid::kFloat4, "0.1"), text(oid::kFloat8, "0.10000000149011612"),
       Steps{EqualStep::type_width}},
      {binary(oid::kFloat4, "3f800000"), binary(oid::kFloat8, "3ff0000000000000"),
       Steps{EqualStep::type_width}},
  });
}

TEST_CASE("numerics are equal by value, and their scale is told") {
  const Steps scale = {EqualStep::numeric_scale};
  const Steps both = {EqualStep::numeric_scale, EqualStep::format};
  check_all({
      {text(oid::kNumeric, "1.0"), text(oid::kNumeric, "1.00"), scale},
      {text(oid::kNumeric, "1.0"), text(oid::kNumeric, "1.01"), kDifferent},
      {text(oid::kNumeric, "1.50"), binary(oid::kNumeric, "0002 0000 0000 0002 0001 1388"),
       kFormat},
      {text(oid::kNumeric, "1.5"), binary(oid::kNumeric, "0002 0000 0000 0002 0001 1388"), both},
      {text(oid::kNumeric, "0"), binary(oid::kNumeric, "0000 0000 0000 0000"), kFormat},
      {text(oid::kNumeric, "0.000"), binary(oid::kNumeric, "0000 0000 0000 0000"), both},
      {text(oid::kNumeric, "-12345.678"),
       binary(oid::kNumeric, "0003 0001 4000 0003 0001 0929 1a7c"), kFormat},
      {text(oid::kNumeric, "12345.678"),
       binary(oid::kNumeric, "0003 0001 4000 0003 0001 0929 1a7c"), kDifferent},
      {text(oid::kNumeric, "0.00000001"), binary(oid::kNumeric, "0001 fffe 0000 0008 0001"),
       kFormat},
      {text(oid::kNumeric, "100000000"), binary(oid::kNumeric, "0001 0002 0000 0000 0001"),
       kFormat},
      {text(oid::kNumeric, "NaN"), binary(oid::kNumeric, "0000 0000 c000 0000"), kFormat},
      {text(oid::kNumeric, "Infinity"), binary(oid::kNumeric, "0000 0000 d000 0020"),
       Steps{EqualStep::numeric_scale, EqualStep::format}},
      {text(oid::kNumeric, "-Infinity"), binary(oid::kNumeric, "0000 0000 d000 0020"), kDifferent},
      {binary(oid::kNumeric, "0001 0000 0000 0000 0001"),
       binary(oid::kNumeric, "0001 0000 0000 0004 0001"), scale},
      // An integer is another type.
      {text(oid::kNumeric, "1"), binary(oid::kInt4, "00000001"), kDifferent},
  });
}

TEST_CASE("texts are their bytes, blanks at the end of bpchar do not count") {
  const Steps padding = {EqualStep::padding};
  check_all({
      {text(oid::kText, "a"), binary(oid::kVarchar, "61"), kFormat},
      {text(oid::kText, "a"), text(oid::kName, "a"), kExact},
      {text(oid::kText, "a"), text(oid::kText, "A"), kDifferent},
      {text(oid::kText, "a"), text(oid::kText, "a "), kDifferent},
      {text(oid::kText, ""), text(oid::kText, " "), kDifferent},
      {text(oid::kBpchar, "a  "), text(oid::kBpchar, "a     "), padding},
      {text(oid::kBpchar, "a  "), text(oid::kText, "a"), padding},
      {text(oid::kBpchar, "a  "), text(oid::kBpchar, " a "), kDifferent},
      {text(oid::kBpchar, "   "), text(oid::kBpchar, " "), padding},
      {text(oid::kChar, ""), binary(oid::kChar, "00"), kFormat},
      {text(oid::kChar, "x"), binary(oid::kChar, "78"), kFormat},
  });
}

TEST_CASE("bytea, uuid, addresses and bits are the same in both formats") {
  check_all({
      {text(oid::kBytea, "\\xdeadbeef"), binary(oid::kBytea, "deadbeef"), kFormat},
      {text(oid::kBytea, "\\xdeadbeef"), text(oid::kBytea, "\\336\\255\\276\\357"), kFormat},
      {text(oid::kBytea, "a\\\\b"), binary(oid::kBytea, "615c62"), kFormat},
      {text(oid::kBytea, "\\x"), binary(oid::kBytea, ""), kFormat},
      {text(oid::kBytea, "\\x00"), binary(oid::kBytea, ""), kDifferent},
      {text(oid::kUuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
       binary(oid::kUuid, "a0eebc999c0b4ef8bb6d6bb9bd380a11"), kFormat},
      {text(oid::kUuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
       binary(oid::kUuid, "a0eebc999c0b4ef8bb6d6bb9bd380a12"), kDifferent},
      {text(oid::kInet, "10.0.0.1"), binary(oid::kInet, "02 20 00 04 0a000001"), kFormat},
      {text(oid::kInet, "10.0.0.1/8"), binary(oid::kInet, "02 20 00 04 0a000001"), kDifferent},
      {text(oid::kCidr, "10.0.0.0/8"), binary(oid::kCidr, "02 08 01 04 0a000000"), kFormat},
      {text(oid::kInet, "::1"), binary(oid::kInet, "03 80 00 10 00000000000000000000000000000001"),
       kFormat},
      {text(oid::kMacaddr, "08:00:2b:01:02:03"), binary(oid::kMacaddr, "08002b010203"), kFormat},
      {text(oid::kMacaddr8, "08:00:2b:01:02:03:04:05"), binary(oid::kMacaddr8, "08002b0102030405"),
       kFormat},
      {text(oid::kVarbit, "10110"), binary(oid::kVarbit, "00000005 b0"), kFormat},
      {text(oid::kVarbit, "101100"), binary(oid::kVarbit, "00000005 b0"), kDifferent},
      {text(oid::kBit, ""), binary(oid::kBit, "00000000"), kFormat},
  });
}

TEST_CASE("types that are not understood equal by their bytes in one format only") {
  const TypeCatalog catalog;
  for (const std::uint32_t type : {oid::kMoney, oid::kBox, 3614U, 99999U}) {
    CHECK(names(equal_steps(text(type, "1"), text(type, "1"))) == "exact");
    CHECK(names(equal_steps(text(type, "1"), text(type, "2"))) == "different");
    CHECK(names(equal_steps(text(type, "1"), binary(type, "31"))) == "different");
    for (const bool in_binary : {false, true}) {
      const ValueReader reader(catalog, type, in_binary);
      CHECK_FALSE(reader.understood());
      CHECK_FALSE(reader.comparable_across_formats());
      CHECK(reader.bytes_are_value());
    }
  }
}

TEST_CASE("a malformed cell equals only itself in the same format") {
  const std::vector<std::pair<std::uint32_t, std::string>> broken = {
      {oid::kBool, "x"},          {oid::kInt4, "12x"},         {oid::kInt4, ""},
      {oid::kInt4, "1234"},       {oid::kInt2, "40000"},       {oid::kFloat8, "1.2.3"},
      {oid::kFloat8, "notnum"},   {oid::kBytea, "\\xabc"},     {oid::kBytea, "\\9"},
      {oid::kBytea, "a\\"},       {oid::kUuid, "a0eebc99"},    {oid::kInet, "1.2.3"},
      {oid::kInet, "1.2.3.4/33"}, {oid::kMacaddr, "08:00:2b"}, {oid::kBit, "012"},
      {oid::kNumeric, "1 2"},     {oid::kNumeric, "12345678"}};
  for (const auto& [type, bytes] : broken) {
    const Cell as_text{type, false, bytes};
    const Cell as_binary{type, true, bytes};
    INFO(as_text);
    CHECK(names(equal_steps(as_text, as_text)) == "exact");
    CHECK(names(equal_steps(as_binary, as_binary)) == "exact");
    CHECK(names(equal_steps(as_text, as_binary)) == "different");
    CHECK(names(equal_steps(as_text, {type, false, bytes + "0"})) == "different");
  }
}

TEST_CASE("texts of another style are never taken for a binary value") {
  const TypeCatalog catalog;
  const TextStyle rounded{true, false, true};
  const TextStyle german{false, true, true};
  const TextStyle sql{true, true, false};
  CHECK(names(equal_steps(text(oid::kFloat8, "0.5"), binary(oid::kFloat8, "3fe0000000000000"),
                          catalog, rounded)) == "different");
  CHECK(names(equal_steps(text(oid::kFloat8, "0.5"), text(oid::kFloat8, "0.5"), catalog,
                          rounded)) == "exact");
  CHECK(names(equal_steps(text(oid::kDate, "2000-01-01"), binary(oid::kDate, "00000000"), catalog,
                          german)) == "different");
  for (const bool in_binary : {false, true}) {
    CHECK(ValueReader(catalog, oid::kFloat8, in_binary).comparable_across_formats());
    CHECK_FALSE(ValueReader(catalog, oid::kFloat8, in_binary, rounded).comparable_across_formats());
    CHECK_FALSE(ValueReader(catalog, oid::kFloat4, in_binary, rounded).comparable_across_formats());
    for (const auto type : {oid::kDate, oid::kTimestamp, oid::kTimestamptz}) {
      CHECK_FALSE(ValueReader(catalog, type, in_binary, german).comparable_across_formats());
      CHECK(ValueReader(catalog, type, in_binary, sql).comparable_across_formats());
    }
    CHECK_FALSE(ValueReader(catalog, oid::kInterval, in_binary, sql).comparable_across_formats());
  }
}

}  // namespace
}  // namespace parallax::shadow
