#include "shadow/rules/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>

namespace parallax::shadow {

namespace {

// pg_type.dat
enum class TypeOid : std::uint32_t {
  boolean = 16,
  name = 19,
  int8 = 20,
  int2 = 21,
  int4 = 23,
  text = 25,
  oid = 26,
  json = 114,
  bpchar = 1042,
  varchar = 1043,
  uuid = 2950
};

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\r\f\v";
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// sign * 0.digits * 10^exponent, without leading and trailing zeros; zero has no digits.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t exponent = 0;
  bool operator==(const Decimal&) const = default;
};

// Exponents beyond these are no numbers of PostgreSQL (numeric has at most 131072 digits before the
// point).
constexpr std::int64_t kExponentMax = 1'000'000;

bool read_exponent(std::string_view text, std::int64_t& exponent) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return false;  // from_chars reads a minus, as it should elsewhere
  }
  const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  return failure == std::errc() && rest == text.data() + text.size() && exponent <= kExponentMax &&
         exponent >= -kExponentMax;
}

std::optional<Decimal> read_decimal(std::string_view text) {
  text = trim(text);
  Decimal number;
  if (text.starts_with('-') || text.starts_with('+')) {
    number.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (const auto mark = text.find_first_of("eE"); mark != std::string_view::npos) {
    if (!read_exponent(text.substr(mark + 1), number.exponent)) return std::nullopt;
    text = text.substr(0, mark);
  }
  const auto point = std::min(text.find('.'), text.size());
  const auto whole = text.substr(0, point);
  const auto fraction = text.substr(std::min(point + 1, text.size()));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (whole.empty() && fraction.empty()) return std::nullopt;
  if (!std::all_of(whole.begin(), whole.end(), is_digit)) return std::nullopt;
  if (!std::all_of(fraction.begin(), fraction.end(), is_digit)) return std::nullopt;
  number.digits.append(whole).append(fraction);
  number.exponent += static_cast<std::int64_t>(whole.size());
  const auto first = std::min(number.digits.find_first_not_of('0'), number.digits.size());
  number.digits.erase(0, first);
  number.exponent -= static_cast<std::int64_t>(first);
  while (number.digits.ends_with('0')) number.digits.pop_back();
  return number.digits.empty() ? Decimal{} : number;
}

std::optional<std::string> integer_text(std::string_view bytes, std::size_t size, bool is_signed) {
  if (bytes.size() != size) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  if (!is_signed) return std::to_string(value);
  const auto unused_bits = 64 - 8 * static_cast<int>(size);
  // Sign extension: conversions and right shifts of negative numbers are two's complement in C++20.
  return std::to_string(static_cast<std::int64_t>(value << unused_bits) >> unused_bits);
}

std::optional<std::string> uuid_text(std::string_view bytes) {
  constexpr std::size_t kUuidBytes = 16;
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (bytes.size() != kUuidBytes) return std::nullopt;
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 0xF]);
  }
  return text;
}

std::optional<std::string> decode_binary(const Value& value) {
  const std::string_view bytes = value.bytes;
  switch (static_cast<TypeOid>(value.type_oid)) {
    case TypeOid::boolean:
      if (bytes.size() != 1) return std::nullopt;
      return bytes[0] != 0 ? "t" : "f";
    case TypeOid::int2:
      return integer_text(bytes, 2, true);
    case TypeOid::int4:
      return integer_text(bytes, 4, true);
    case TypeOid::int8:
      return integer_text(bytes, 8, true);
    case TypeOid::oid:
      return integer_text(bytes, 4, false);
    case TypeOid::uuid:
      return uuid_text(bytes);
    case TypeOid::name:
    case TypeOid::text:
    case TypeOid::json:
    case TypeOid::bpchar:
    case TypeOid::varchar:
      return value.bytes;
  }
  return std::nullopt;
}

bool pin_holds_text(const Slot& pin, std::string_view text) {
  switch (pin.literal_type) {
    case LiteralType::string:
      return text == pin.text;
    case LiteralType::number:
      return same_number(pin.text, text);
    case LiteralType::boolean:
      return read_boolean(text) == read_boolean(pin.text);
    case LiteralType::null:
      return false;
  }
  return false;
}

}  // namespace

std::optional<std::string> text_of(const Value& value) {
  if (value.null) return std::nullopt;
  return value.binary ? decode_binary(value) : value.bytes;
}

Value value_of(const Slot& literal) {
  Value value;
  value.null = literal.literal_type == LiteralType::null;
  if (!value.null) value.bytes = literal.text;
  return value;
}

bool same_value(const Value& a, const Value& b) {
  if (a.null || b.null) return a.null && b.null;
  const auto left = text_of(a);
  const auto right = text_of(b);
  if (left && right) return *left == *right;
  return !left && !right && a == b;
}

bool same_number(std::string_view a, std::string_view b) {
  const auto left = read_decimal(a);
  return left && left == read_decimal(b);
}

std::optional<bool> read_boolean(std::string_view text) {
  std::string word(trim(text));
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (word.empty()) return std::nullopt;
  if (word == "1" || word == "on") return true;
  if (word == "0" || word == "of" || word == "off") return false;
  for (const std::string_view yes : {"true", "yes"}) {
    if (yes.starts_with(word)) return true;
  }
  for (const std::string_view no : {"false", "no"}) {
    if (no.starts_with(word)) return false;
  }
  return std::nullopt;
}

bool pin_holds(const Slot& pin, const Value& value) {
  if (value.null || pin.literal_type == LiteralType::null) {
    return value.null && pin.literal_type == LiteralType::null;
  }
  const auto text = text_of(value);
  return text && pin_holds_text(pin, *text);
}

bool pins_agree(const Slot& a, const Slot& b) {
  // A text that one pin spells out is the plainest that could satisfy both; `true` and 1 meet in
  // the text 1.
  const bool number_and_boolean =
      (a.literal_type == LiteralType::number && b.literal_type == LiteralType::boolean) ||
      (b.literal_type == LiteralType::number && a.literal_type == LiteralType::boolean);
  if (number_and_boolean) {
    const Slot& number = a.literal_type == LiteralType::number ? a : b;
    const Slot& boolean = a.literal_type == LiteralType::number ? b : a;
    return same_number(number.text, boolean.text == "true" ? "1" : "0");
  }
  if (a.literal_type == LiteralType::string) return pin_holds(b, value_of(a));
  return pin_holds(a, value_of(b));
}

}  // namespace parallax::shadow
