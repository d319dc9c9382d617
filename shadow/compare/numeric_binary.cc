#include "shadow/compare/numeric_binary.h"

#include <charconv>
#include <cstdint>

#include "protocol/bytes.h"
#include "shadow/compare/value_encoding.h"

namespace parallax::shadow {
namespace {

constexpr std::uint16_t kNegative = 0x4000;
constexpr std::uint16_t kNotANumber = 0xc000;
constexpr std::uint16_t kInfinity = 0xd000;
constexpr std::uint16_t kMinusInfinity = 0xf000;
constexpr std::uint16_t kBase = 10'000;
constexpr std::size_t kGroupDigits = 4;

struct BinaryNumeric {
  std::string_view groups;  // two bytes each
  std::int16_t weight = 0;  // of the first group, in powers of 10000
  std::uint16_t sign = 0;
  std::uint16_t scale = 0;

  std::size_t size() const { return groups.size() / 2; }
  unsigned group(std::size_t index) const {
    return static_cast<unsigned>(static_cast<unsigned char>(groups[2 * index]) << 8U) |
           static_cast<unsigned char>(groups[2 * index + 1]);
  }
};

bool read(std::string_view cell, BinaryNumeric& numeric) {
  protocol::ByteReader reader(protocol::as_bytes(cell));
  const auto size = reader.u16();
  const auto weight = reader.u16();
  const auto sign = reader.u16();
  const auto scale = reader.u16();
  if (!scale || reader.rest().size() != std::size_t{*size} * 2) return false;
  numeric.groups = protocol::as_text(reader.rest());
  numeric.weight = static_cast<std::int16_t>(*weight);
  numeric.sign = *sign;
  numeric.scale = *scale;
  for (std::size_t i = 0; i < numeric.size(); ++i) {
    if (numeric.group(i) >= kBase) return false;
  }
  return *sign == 0 || *sign == kNegative ||
         (*size == 0 && (*sign == kNotANumber || *sign == kInfinity || *sign == kMinusInfinity));
}

void append_group(unsigned group, std::string& out) {
  const char digits[kGroupDigits] = {
      static_cast<char>('0' + group / 1000), static_cast<char>('0' + group / 100 % 10),
      static_cast<char>('0' + group / 10 % 10), static_cast<char>('0' + group % 10)};
  out.append(digits, kGroupDigits);
}

void append_number(std::int64_t number, std::string& out) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof(text), number).ptr);
}

void append_scale(std::size_t scale, std::string& out) {
  out.push_back('/');
  append_number(static_cast<std::int64_t>(scale), out);
}

std::string_view special_text(std::uint16_t sign) {
  if (sign == kNotANumber) return "NaN";
  return sign == kInfinity ? "Infinity" : "-Infinity";
}

// Digits without zeros at either end, and the power of ten they are a fraction of.
void append_digits(const BinaryNumeric& numeric, std::string& out) {
  std::size_t first = 0;
  std::size_t last = numeric.size();
  while (first < last && numeric.group(first) == 0) ++first;
  while (last > first && numeric.group(last - 1) == 0) --last;
  if (first == last) {
    out.append("e0");
    return;
  }
  if (numeric.sign == kNegative) out.push_back('-');
  const std::size_t start = out.size();
  for (std::size_t i = first; i < last; ++i) append_group(numeric.group(i), out);
  const std::size_t zeros = out.find_first_not_of('0', start) - start;
  out.erase(start, zeros);
  out.resize(out.find_last_not_of('0') + 1);
  const std::int64_t whole_groups = numeric.weight + 1 - static_cast<std::int64_t>(first);
  out.push_back('e');
  append_number(
      whole_groups * static_cast<std::int64_t>(kGroupDigits) - static_cast<std::int64_t>(zeros),
      out);
}

}  // namespace

bool append_numeric_canonical(std::string_view cell, bool with_scale, std::string& out) {
  BinaryNumeric numeric;
  if (!read(cell, numeric)) return false;
  if (numeric.sign == kNotANumber) {
    out.append("N");
  } else if (numeric.sign == kInfinity || numeric.sign == kMinusInfinity) {
    out.append(numeric.sign == kInfinity ? "I" : "-I");
  } else {
    append_digits(numeric, out);
  }
  if (with_scale) append_scale(numeric.scale, out);
  return true;
}

void append_numeric_scale(std::string_view text, std::string& out) {
  const auto point = text.find('.');
  append_scale(point == std::string_view::npos ? 0 : text.size() - point - 1, out);
}

bool append_numeric_text(std::string_view cell, std::string& out) {
  BinaryNumeric numeric;
  if (!read(cell, numeric)) return false;
  if (numeric.sign != 0 && numeric.sign != kNegative) {
    out.append(special_text(numeric.sign));
    return true;
  }
  const auto group_at = [&](std::int64_t index) {
    const bool there = index >= 0 && index < static_cast<std::int64_t>(numeric.size());
    return there ? numeric.group(static_cast<std::size_t>(index)) : 0U;
  };
  if (numeric.sign == kNegative) out.push_back('-');
  append_number(numeric.weight < 0 ? 0 : group_at(0), out);
  for (std::int64_t i = 1; i <= numeric.weight; ++i) append_group(group_at(i), out);
  if (numeric.scale == 0) return true;
  out.push_back('.');
  const std::size_t start = out.size();
  for (std::int64_t i = numeric.weight + 1; out.size() - start < numeric.scale; ++i) {
    append_group(group_at(i), out);
  }
  out.resize(start + numeric.scale);
  return true;
}

}  // namespace parallax::shadow
