#include "shadow/compare/numeric_value.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/unit/shadow/compare/random_source.h"

namespace parallax::shadow {
namespace {

std::string canonical(const std::string& text) {
  std::string out;
  NumericValue(text).append_canonical(out);
  return out;
}

TEST_CASE("texts of one value are equal, texts of different values are not") {
  // Each line is one value; every text of a line equals every other of it and none of other lines.
  const std::vector<std::vector<std::string>> values = {
      {"0", "0.0", "-0", "-0.00", "+0", "00", ".0", "0.", "0e5", "-0E-9"},
      {"1", "1.0", "1.000", "01", "+1", "1e0", "0.1e1", "10e-1", "1E+0"},
      {"-1", "-1.0", "-001.00", "-10e-1"},
      {"10", "10.0", "1e1", "0.01e3"},
      {"100", "1e2"},
      {"0.1", ".1", "0.10", "1e-1"},
      {"0.01", "0.010", "1e-2"},
      {"-0.01", "-.01"},
      {"101", "101.0", "1.01e2"},
      {"1.01"},
      {"11"},
      {"123456789012345678901234567890.5", "123456789012345678901234567890.50"},
      {"123456789012345678901234567890.6"},
      {"123456789012345678901234567891.5"},
      {"0.1000000000000000055511151231257827"},
      {"NaN", "nan"},
      {"Infinity", "inf", "+Infinity"},
      {"-Infinity", "-inf"},
      {"1e999999999"},
      // Not numbers: equal only to themselves.
      {""},
      {"-"},
      {"."},
      {"1e"},
      {"e1"},
      {"1.2.3"},
      {"1 "},
      {"abc"},
      {"1e9999999999"},
      {"--1"},
  };
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (const std::string& first : values[i]) {
      for (std::size_t j = 0; j < values.size(); ++j) {
        for (const std::string& second : values[j]) {
          INFO("\"" << first << "\" and \"" << second << "\"");
          CHECK(same_numeric(first, second) == (i == j));
          CHECK((canonical(first) == canonical(second)) == (i == j));
          const int forth = NumericValue(first).order(NumericValue(second));
          const int back = NumericValue(second).order(NumericValue(first));
          CHECK(((forth > 0) - (forth < 0)) == -((back > 0) - (back < 0)));
        }
      }
    }
  }
}

// `digits` * 10^-scale, written with `zeros` more zeros at the end of the fraction.
std::string decimal(std::int64_t digits, std::size_t scale, std::size_t zeros) {
  const bool negative = digits < 0;
  std::string out = std::to_string(negative ? -digits : digits);
  if (out.size() <= scale) out.insert(0, scale + 1 - out.size(), '0');
  if (scale + zeros > 0) out.insert(out.size() - scale, 1, '.');
  out.append(zeros, '0');
  return negative ? "-" + out : out;
}

TEST_CASE("equality by value agrees with exact integer arithmetic") {
  tests::RandomSource random("numeric by value");
  __extension__ using Wide = __int128;
  const auto scaled = [](std::int64_t digits, std::size_t scale) {
    Wide out = digits;
    for (std::size_t i = scale; i < 8; ++i) out *= 10;
    return out;
  };
  std::size_t equal = 0;
  for (int run = 0; run < 200'000; ++run) {
    const auto draw = [&random] {
      const std::size_t limit = random.one_in(2) ? 30 : 300'000'000;
      auto digits = static_cast<std::int64_t>(random.below(limit));
      if (random.one_in(2)) {
        for (std::size_t tens = random.below(3); tens > 0; --tens) digits *= 10;
      }
      return random.one_in(2) ? digits : -digits;
    };
    const std::int64_t first = draw();
    const std::size_t first_scale = random.below(9);
    std::int64_t second = random.one_in(2) ? first : draw();
    const std::size_t second_scale = random.below(9);
    for (std::size_t i = first_scale; i < second_scale; ++i) second *= 10;
    const std::string first_text = decimal(first, first_scale, random.below(4));
    const std::string second_text = decimal(second, second_scale, random.below(4));
    const bool expected = scaled(first, first_scale) == scaled(second, second_scale);
    equal += expected ? 1 : 0;
    if (same_numeric(first_text, second_text) != expected ||
        (canonical(first_text) == canonical(second_text)) != expected) {
      FAIL(first_text << " and " << second_text << ", seed " << random.seed());
    }
  }
  // Both answers were really asked for.
  CHECK(equal > 20'000);
  CHECK(equal < 180'000);
}

}  // namespace
}  // namespace parallax::shadow
