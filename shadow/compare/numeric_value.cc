#include "shadow/compare/numeric_value.h"

#include <algorithm>
#include <charconv>
#include <compare>

namespace parallax::shadow {
namespace {

// Longer exponents are no numeric of PostgreSQL, and would not leave room in the magnitude.
constexpr std::size_t kExponentDigitsMax = 9;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool same_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// Takes the digits at the front of `rest`.
std::string_view take_digits(std::string_view& rest) {
  const auto end = std::find_if_not(rest.begin(), rest.end(), is_digit);
  const std::string_view taken = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  rest.remove_prefix(taken.size());
  return taken;
}

void drop_leading_zeros(std::string_view& digits) {
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
}

void drop_trailing_zeros(std::string_view& digits) {
  digits = digits.substr(0, digits.find_last_not_of('0') + 1);
}

int sign_of(std::strong_ordering ordering) {
  if (std::is_lt(ordering)) return -1;
  return std::is_gt(ordering) ? 1 : 0;
}

}  // namespace

NumericValue::NumericValue(std::string_view text) : text_(text) {
  std::string_view rest = text;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative_ = rest.front() == '-';
    rest.remove_prefix(1);
  }
  if (read_decimal(rest) || read_special(rest)) return;
  kind_ = Kind::other_text;
  negative_ = false;
  magnitude_ = 0;
  whole_ = fraction_ = {};
}

bool NumericValue::read_special(std::string_view unsigned_text) {
  whole_ = fraction_ = {};
  magnitude_ = 0;
  if (same_ignoring_case(unsigned_text, "nan")) {
    kind_ = Kind::not_a_number;
    negative_ = false;
    return true;
  }
  if (same_ignoring_case(unsigned_text, "infinity") || same_ignoring_case(unsigned_text, "inf")) {
    kind_ = Kind::infinite;
    return true;
  }
  return false;
}

bool NumericValue::read_decimal(std::string_view unsigned_text) {
  std::string_view rest = unsigned_text;
  whole_ = take_digits(rest);
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    fraction_ = take_digits(rest);
  }
  if (digits() == 0) return false;
  std::int64_t exponent = 0;
  if (!rest.empty() && (rest.front() == 'e' || rest.front() == 'E')) {
    rest.remove_prefix(1);
    const bool minus = !rest.empty() && rest.front() == '-';
    if (minus || (!rest.empty() && rest.front() == '+')) rest.remove_prefix(1);
    const std::string_view text = take_digits(rest);
    if (text.empty() || text.size() > kExponentDigitsMax) return false;
    std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (minus) exponent = -exponent;
  }
  if (!rest.empty()) return false;
  magnitude_ = exponent;
  trim();
  return true;
}

void NumericValue::trim() {
  drop_leading_zeros(whole_);
  magnitude_ += static_cast<std::int64_t>(whole_.size());
  drop_trailing_zeros(fraction_);
  if (whole_.empty()) {
    const std::size_t before = fraction_.size();
    drop_leading_zeros(fraction_);
    magnitude_ -= static_cast<std::int64_t>(before - fraction_.size());
  }
  if (fraction_.empty()) drop_trailing_zeros(whole_);
  if (digits() == 0) {
    negative_ = false;
    magnitude_ = 0;
  }
}

int NumericValue::order(const NumericValue& other) const {
  if (kind_ != other.kind_) return sign_of(kind_ <=> other.kind_);
  if (kind_ == Kind::other_text) return sign_of(text_ <=> other.text_);
  if (negative_ != other.negative_) return negative_ ? -1 : 1;
  if (magnitude_ != other.magnitude_) return magnitude_ < other.magnitude_ ? -1 : 1;
  if (digits() != other.digits()) return digits() < other.digits() ? -1 : 1;
  for (std::size_t i = 0; i < digits(); ++i) {
    if (digit(i) != other.digit(i)) return digit(i) < other.digit(i) ? -1 : 1;
  }
  return 0;
}

void NumericValue::append_canonical(std::string& out) const {
  switch (kind_) {
    case Kind::other_text:
      out.append("?").append(text_);
      return;
    case Kind::not_a_number:
      out.append("N");
      return;
    case Kind::infinite:
      out.append(negative_ ? "-I" : "I");
      return;
    case Kind::finite:
      break;
  }
  if (negative_) out.push_back('-');
  out.append(whole_).append(fraction_).push_back('e');
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof(text), magnitude_).ptr);
}

bool same_numeric(std::string_view first, std::string_view second) {
  return first == second || NumericValue(first).order(NumericValue(second)) == 0;
}

}  // namespace parallax::shadow
