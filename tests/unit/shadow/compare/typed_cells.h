#pragma once

// Values of many types made from numbers, so that tests know which of them are equal: two cells are
// the same value when identity() of their numbers is the same.

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "tests/unit/shadow/compare/results.h"

namespace parallax::shadow::tests {

inline constexpr std::uint32_t kBytea = 17;
inline constexpr std::uint32_t kJson = 114;
inline constexpr std::uint32_t kDate = 1082;
inline constexpr std::uint32_t kTimestamptz = 1184;
inline constexpr std::uint32_t kUuid = 2950;
inline constexpr std::uint32_t kJsonb = 3802;

inline constexpr std::array kTypesOfCells = {kBool,    kInt2,  kInt4,   kInt8, kText,
                                             kNumeric, kMood,  kFloat8, kDate, kTimestamptz,
                                             kUuid,    kBytea, kJson,   kJsonb};

// Numbers of values: 0 <= number < kNumbers.
inline constexpr std::int64_t kNumbers = 9'000;

inline std::int64_t identity(std::uint32_t type, std::int64_t number) {
  return type == kBool || type == kMood ? number % 2 : number;
}

template <typename Integer>
std::string big_endian(Integer value) {
  std::string out;
  for (std::size_t i = sizeof value; i-- > 0;) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff));
  }
  return out;
}

// Ways to write one value.
struct Spelling {
  bool scale = false;        // two zeros more at the end of a numeric, also in json
  bool zone = false;         // a timestamptz in text, two hours east
  bool json_order = false;   // keys the other way round
  bool json_blanks = false;  // white space in json
};

inline std::string numeric_text(std::int64_t number, const Spelling& spelling) {
  char out[32];
  std::snprintf(out, sizeof out, "%d.%02d%s", static_cast<int>(number / 100),
                static_cast<int>(number % 100), spelling.scale ? "00" : "");
  return out;
}

// numeric_send(): digits of base 10,000, none of them 0 at the ends.
inline std::string numeric_binary(std::int64_t number, const Spelling& spelling) {
  std::string digits;
  std::int16_t count = 0;
  std::int16_t weight = 0;
  if (number / 100 != 0) {
    digits += big_endian(static_cast<std::int16_t>(number / 100));
    ++count;
  } else if (number != 0) {
    weight = -1;
  }
  if (number % 100 != 0) {
    digits += big_endian(static_cast<std::int16_t>(number % 100 * 100));
    ++count;
  }
  return big_endian(count) + big_endian(weight) + big_endian(std::int16_t{0}) +
         big_endian(static_cast<std::int16_t>(spelling.scale ? 4 : 2)) + digits;
}

inline std::string json_text(std::int64_t number, const Spelling& spelling) {
  const std::string blank = spelling.json_blanks ? "  " : "";
  const std::string deep =
      "\"list\":" + blank + "[1,[{\"deep\":" + blank + "\"" + std::to_string(number) + "\"}]]";
  const std::string price = "\"price\":" + blank + numeric_text(number, spelling);
  return spelling.json_order ? "{" + price + "," + deep + "}" : "{" + deep + "," + price + "}";
}

inline constexpr std::chrono::sys_days kFirstDay{std::chrono::year{2024} / 1 / 1};

inline std::string date_text(std::chrono::sys_days days) {
  const std::chrono::year_month_day date(days);
  char out[32];
  std::snprintf(out, sizeof out, "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return out;
}

inline std::string timestamptz_text(std::int64_t number, const Spelling& spelling) {
  const std::chrono::sys_seconds instant =
      kFirstDay + std::chrono::minutes(number) + std::chrono::hours(spelling.zone ? 2 : 0);
  const auto days = std::chrono::floor<std::chrono::days>(instant);
  const auto minute = (instant - days) / std::chrono::minutes(1);
  char out[32];
  std::snprintf(out, sizeof out, " %02d:%02d:00.25+0%d", static_cast<int>(minute / 60),
                static_cast<int>(minute % 60), spelling.zone ? 2 : 0);
  return date_text(days) + out;
}

// 2024-01-01 in days since 2000-01-01.
inline constexpr std::int64_t kDaysTo2024 = 8766;

inline std::string text_cell(std::uint32_t type, std::int64_t number, const Spelling& spelling) {
  char hex[40];
  switch (type) {
    case kBool:
      return number % 2 == 0 ? "f" : "t";
    case kMood:
      return number % 2 == 0 ? "sad" : "happy";
    case kText:
    case kVarchar:
      return "w\xc3\xa9" + std::to_string(number);
    case kNumeric:
      return numeric_text(number, spelling);
    case kFloat8:
      return std::to_string(number) + ".5";
    case kDate:
      return date_text(kFirstDay + std::chrono::days(number));
    case kTimestamptz:
      return timestamptz_text(number, spelling);
    case kUuid:
      std::snprintf(hex, sizeof hex, "0b6f1a2c-0000-4000-8000-00000000%04x",
                    static_cast<unsigned>(number));
      return hex;
    case kBytea:
      std::snprintf(hex, sizeof hex, "\\x00%04x", static_cast<unsigned>(number));
      return hex;
    case kJson:
    case kJsonb:
      return json_text(number, spelling);
    default:
      return std::to_string(number);
  }
}

inline std::string binary_cell(std::uint32_t type, std::int64_t number, const Spelling& spelling) {
  constexpr std::int64_t kMinute = 60'000'000;
  switch (type) {
    case kBool:
      return std::string(1, static_cast<char>(number % 2));
    case kInt2:
      return big_endian(static_cast<std::int16_t>(number));
    case kInt4:
      return big_endian(static_cast<std::int32_t>(number));
    case kInt8:
      return big_endian(number);
    case kNumeric:
      return numeric_binary(number, spelling);
    case kFloat8:
      return big_endian(std::bit_cast<std::uint64_t>(static_cast<double>(number) + 0.5));
    case kDate:
      return big_endian(static_cast<std::int32_t>(kDaysTo2024 + number));
    case kTimestamptz:
      return big_endian(kDaysTo2024 * 1440 * kMinute + number * kMinute + 250'000);
    case kUuid:
      return "\x0b\x6f\x1a\x2c" + std::string("\0\0\x40\0\x80\0\0\0\0\0", 10) +
             big_endian(static_cast<std::uint16_t>(number));
    case kBytea:
      return std::string(1, '\0') + big_endian(static_cast<std::uint16_t>(number));
    case kJsonb:
      return "\x01" + json_text(number, spelling);
    default:
      return text_cell(type, number, spelling);
  }
}

}  // namespace parallax::shadow::tests
