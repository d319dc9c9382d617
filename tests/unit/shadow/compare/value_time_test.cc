// Golden pairs of dates, times and intervals, and what is no date.

#include <catch2/catch.hpp>

#include "shadow/compare/calendar.h"
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

TEST_CASE("dates and times are the same in both formats") {
  check_all({
      {text(oid::kDate, "2000-01-01"), binary(oid::kDate, "00000000"), kFormat},
      {text(oid::kDate, "1999-12-31"), binary(oid::kDate, "ffffffff"), kFormat},
      {text(oid::kDate, "2024-02-29"), binary(oid::kDate, "00002279"), kFormat},
      {text(oid::kDate, "2024-02-28"), binary(oid::kDate, "00002279"), kDifferent},
      {text(oid::kDate, "0001-12-31 BC"), text(oid::kDate, "0001-12-31"), kDifferent},
      {text(oid::kDate, "5874897-12-31"), binary(oid::kDate, "7fda970c"), kFormat},
      {text(oid::kDate, "infinity"), binary(oid::kDate, "7fffffff"), kFormat},
      {text(oid::kDate, "-infinity"), binary(oid::kDate, "80000000"), kFormat},
      {text(oid::kTime, "00:00:00.000001"), binary(oid::kTime, "0000000000000001"), kFormat},
      {text(oid::kTime, "24:00:00"), binary(oid::kTime, "000000141dd76000"), kFormat},
      {text(oid::kTime, "24:00:00"), text(oid::kTime, "00:00:00"), kDifferent},
      {text(oid::kTimetz, "00:00:01+02"), binary(oid::kTimetz, "00000000000f4240 ffffe3e0"),
       kFormat},
      // One instant in two zones: two values to the server as well.
      {text(oid::kTimetz, "12:00:00+00"), text(oid::kTimetz, "14:00:00+02"), kDifferent},
  });
}

TEST_CASE("timestamps are instants to the microsecond, whatever zone they are written in") {
  const Steps zone = {EqualStep::time_zone};
  check_all({
      {text(oid::kTimestamp, "2000-01-01 00:00:00.5"), binary(oid::kTimestamp, "000000000007a120"),
       kFormat},
      {text(oid::kTimestamp, "1999-12-31 23:59:59.999999"),
       binary(oid::kTimestamp, "ffffffffffffffff"), kFormat},
      {text(oid::kTimestamp, "2000-01-01 00:00:00.000001"),
       text(oid::kTimestamp, "2000-01-01 00:00:00.000002"), kDifferent},
      {text(oid::kTimestamp, "infinity"), binary(oid::kTimestamp, "7fffffffffffffff"), kFormat},
      {text(oid::kTimestamp, "-infinity"), binary(oid::kTimestamp, "8000000000000000"), kFormat},
      {text(oid::kTimestamp, "0044-03-15 12:00:00 BC"),
       text(oid::kTimestamp, "0044-03-15 12:00:00"), kDifferent},
      {text(oid::kTimestamptz, "2000-01-01 02:00:00+02"),
       binary(oid::kTimestamptz, "0000000000000000"), kFormat},
      {text(oid::kTimestamptz, "2000-01-01 02:00:00+02"),
       text(oid::kTimestamptz, "1999-12-31 18:30:00-05:30"), zone},
      {text(oid::kTimestamptz, "2000-01-01 02:00:00+02"),
       text(oid::kTimestamptz, "2000-01-01 02:00:00+03"), kDifferent},
      {text(oid::kTimestamptz, "1900-01-01 00:00:00+00:19:32"),
       text(oid::kTimestamptz, "1899-12-31 23:40:28+00"), zone},
      {text(oid::kTimestamptz, "0001-01-01 00:00:00+00"),
       text(oid::kTimestamptz, "0001-12-31 23:00:00-01 BC"), zone},
      {text(oid::kTimestamptz, "294276-12-31 23:59:59.999999+00"),
       binary(oid::kTimestamptz, "7fffff5bb3b29fff"), kFormat},
      {text(oid::kTimestamptz, "2000-01-01 00:00:00+00"),
       text(oid::kTimestamp, "2000-01-01 00:00:00.1"), kDifferent},
  });
}

TEST_CASE("intervals are equal field by field, although the server takes a month as 30 days") {
  check_all({
      {text(oid::kInterval, "1 day"), text(oid::kInterval, "24:00:00"), kDifferent},
      {text(oid::kInterval, "1 mon"), text(oid::kInterval, "30 days"), kDifferent},
      {text(oid::kInterval, "1 year 2 mons 3 days 04:05:06.7"),
       binary(oid::kInterval, "000000036c966ee0 00000003 0000000e"), kFormat},
      {text(oid::kInterval, "-1 years -2 mons +3 days -04:05:06.7"),
       binary(oid::kInterval, "fffffffc93699120 00000003 fffffff2"), kFormat},
      {text(oid::kInterval, "00:00:00"),
       binary(oid::kInterval, "0000000000000000 00000000 00000000"), kFormat},
      {text(oid::kInterval, "00:00:00"),
       binary(oid::kInterval, "0000000000000000 00000001 00000000"), kDifferent},
  });
}

TEST_CASE("what is no date, time or interval is not read") {
  for (const char* wrong :
       {"", "2000", "2000-1-1", "2000-13-01", "2000-00-01", "2000-02-30", "1900-02-29",
        "2001-01-01 AD", "01.02.2000", "99999999-01-01", "2000-01-01x",
        "999999999999999999999-01-01", "0000-01-01", "Infinity"}) {
    INFO(wrong);
    CHECK_FALSE(read_date(wrong).has_value());
  }
  for (const char* wrong : {"", "12", "12:00", "25:00:00", "24:00:01", "12:60:00", "12:00:00.",
                            "12:00:00.1234567", "12:00:00 ", "-1:00:00"}) {
    INFO(wrong);
    CHECK_FALSE(read_time(wrong).has_value());
  }
  for (const char* wrong :
       {"2000-01-01", "2000-01-01T00:00:00", "2000-01-01 00:00:00+00", "999999-01-01 00:00:00",
        "2000-01-01 00:00:00 BC ", "4800-01-01 00:00:00 BC"}) {
    INFO(wrong);
    CHECK_FALSE(read_timestamp(wrong).has_value());
  }
  for (const char* wrong : {"2000-01-01 00:00:00", "2000-01-01 00:00:00+", "2000-01-01 00:00:00+1",
                            "2000-01-01 00:00:00 UTC", "2000-01-01 00:00:00+01:60"}) {
    INFO(wrong);
    CHECK_FALSE(read_timestamptz(wrong).has_value());
  }
  for (const char* wrong : {"", "1", "1 week", "P1D", "1 day ", "1-2", "00:00", "1 day 1:2:3",
                            "9999999999 days", "9999999999999999 years", "99999999999999:00:00"}) {
    INFO(wrong);
    CHECK_FALSE(read_interval(wrong).has_value());
  }
}

TEST_CASE("each day of eight centuries is read back from what is written") {
  for (std::int64_t day = -150'000; day < 150'000; ++day) {
    if (read_date(date_text(day)) != day) FAIL("day " << day << " is " << date_text(day));
  }
  for (const std::int64_t day : {-2'451'545LL, -730'119LL, -730'120LL, 2'145'031'948LL}) {
    CHECK(read_date(date_text(day)) == day);
  }
  CHECK(date_text(-730'121) == "0001-12-30 BC");
}

TEST_CASE("microseconds and numbers are given where they can be told apart by distance") {
  const TypeCatalog catalog;
  const auto microseconds = [&](const Cell& cell, TextStyle style = {}) {
    return ValueReader(catalog, cell.type, cell.binary, style).microseconds(cell.bytes);
  };
  CHECK(microseconds(text(oid::kTimestamptz, "2000-01-01 01:00:00.000002+01")) == 2);
  CHECK(microseconds(binary(oid::kTimestamptz, "0000000000000002")) == 2);
  CHECK(microseconds(text(oid::kTimestamp, "2000-01-01 00:00:01")) == 1'000'000);
  CHECK_FALSE(microseconds(text(oid::kTimestamp, "infinity")).has_value());
  CHECK_FALSE(microseconds(binary(oid::kTimestamp, "8000000000000000")).has_value());
  CHECK_FALSE(microseconds(binary(oid::kInt8, "0000000000000002")).has_value());
  CHECK_FALSE(
      microseconds(text(oid::kTimestamp, "2000-01-01 00:00:01"), {false, true, true}).has_value());
  const auto number = [&](const Cell& cell) {
    return ValueReader(catalog, cell.type, cell.binary).number(cell.bytes);
  };
  CHECK(number(text(oid::kFloat8, "1.5")) == 1.5);
  CHECK(number(binary(oid::kFloat4, "3fc00000")) == 1.5);
  CHECK(number(binary(oid::kFloat8, "3ff8000000000000")) == 1.5);
  CHECK_FALSE(number(text(oid::kFloat8, "NaN")).has_value());
  CHECK_FALSE(number(text(oid::kFloat8, "Infinity")).has_value());
  CHECK_FALSE(number(binary(oid::kFloat8, "fff0000000000000")).has_value());
  CHECK_FALSE(number(text(oid::kNumeric, "1.5")).has_value());
}

TEST_CASE("binary cells are shown as people read them") {
  const TypeCatalog catalog;
  const auto shown = [&](const Cell& cell) {
    return ValueReader(catalog, cell.type, cell.binary).readable(cell.bytes);
  };
  CHECK(shown(text(oid::kDate, "01.02.2000")) == "01.02.2000");
  CHECK(shown(binary(oid::kBool, "01")) == "t");
  CHECK(shown(binary(oid::kInt2, "fffe")) == "-2");
  CHECK(shown(binary(oid::kOid, "ffffffff")) == "4294967295");
  CHECK(shown(binary(oid::kFloat4, "3dcccccd")) == "0.1");
  CHECK(shown(binary(oid::kNumeric, "0003 0001 4000 0003 0001 0929 1a7c")) == "-12345.678");
  CHECK(shown(binary(oid::kNumeric, "0001 fffe 0000 0009 0001")) == "0.000000010");
  CHECK(shown(binary(oid::kNumeric, "0001 0002 0000 0001 0001")) == "100000000.0");
  CHECK(shown(binary(oid::kNumeric, "0000 0000 f000 0000")) == "-Infinity");
  CHECK(shown(binary(oid::kUuid, "a0eebc999c0b4ef8bb6d6bb9bd380a11")) ==
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
  CHECK(shown(binary(oid::kDate, "80000000")) == "-infinity");
  CHECK(shown(binary(oid::kTime, "00000000000f4241")) == "00:00:01.000001");
  CHECK(shown(binary(oid::kTimestamptz, "ffffffffffffffff")) == "1999-12-31 23:59:59.999999+00");
  CHECK(shown(binary(oid::kTimestamp, "ff1fe2ffc59c6000")) == "0001-01-01 00:00:00");
  CHECK(shown(binary(oid::kInterval, "ffffffffffffffff 00000003 fffffffe")) ==
        "-2 mons 3 days -00:00:00.000001");
  CHECK(shown(binary(oid::kJsonb, "01 7b7d")) == "{}");
  CHECK(shown(binary(oid::kVarbit, "00000005 b0")) == "10110");
  CHECK(shown(binary(oid::kText, "61")) == "a");
  // Not understood, or not of its type's size.
  CHECK(shown(binary(oid::kMoney, "0a0b")) == "\\x0a0b");
  CHECK(shown(binary(oid::kInt4, "0a0b")) == "\\x0a0b");
  CHECK(shown(binary(oid::kTime, "ffffffffffffffff")) == "\\xffffffffffffffff");
}

}  // namespace
}  // namespace parallax::shadow
