#include "shadow/compare/value_readable.h"

#include <bit>
#include <charconv>
#include <optional>

#include "shadow/compare/calendar.h"
#include "shadow/compare/numeric_binary.h"
#include "shadow/compare/value_scalar.h"
#include "shadow/compare/value_text.h"

namespace parallax::shadow {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

void append_hex(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    out.push_back(kHexDigits[static_cast<unsigned char>(c) >> 4U]);
    out.push_back(kHexDigits[static_cast<unsigned char>(c) & 0xfU]);
  }
}

std::string hex(std::string_view cell) { return readable_hex(cell); }

template <typename Unsigned>
std::optional<std::int64_t> whole(std::string_view cell) {
  Unsigned value = 0;
  if (!read_fixed(cell, value)) return std::nullopt;
  return static_cast<std::make_signed_t<Unsigned>>(value);
}

template <typename Unsigned>
std::string integer_text(std::string_view cell) {
  const auto value = whole<Unsigned>(cell);
  return value ? std::to_string(*value) : hex(cell);
}

template <typename Float, typename Unsigned>
std::string float_text(std::string_view cell) {
  Unsigned bits = 0;
  if (!read_fixed(cell, bits)) return hex(cell);
  char text[40];
  return {text, std::to_chars(text, text + sizeof(text), std::bit_cast<Float>(bits)).ptr};
}

std::string uuid_text(std::string_view cell) {
  if (cell.size() != 16) return hex(cell);
  std::string out;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    append_hex(cell.substr(i, 1), out);
  }
  return out;
}

std::string numeric_text(std::string_view cell) {
  std::string out;
  return append_numeric_text(cell, out) ? out : hex(cell);
}

std::string bits_text(std::string_view cell) {
  std::string out;
  return append_bits(cell, out) ? out : hex(cell);
}

std::string boolean_text(std::string_view cell) {
  if (cell.size() != 1) return hex(cell);
  return cell[0] != 0 ? "t" : "f";
}

std::string readable_date(std::string_view cell) {
  const auto days = whole<std::uint32_t>(cell);
  return days ? date_text(*days) : hex(cell);
}

std::string readable_time(std::string_view cell) {
  const auto microseconds = whole<std::uint64_t>(cell);
  return microseconds && *microseconds >= 0 ? time_text(*microseconds) : hex(cell);
}

std::string readable_timestamp(std::string_view cell, bool with_zone) {
  const auto microseconds = whole<std::uint64_t>(cell);
  return microseconds ? timestamp_text(*microseconds, with_zone) : hex(cell);
}

std::string readable_interval(std::string_view cell) {
  if (cell.size() != 16) return hex(cell);
  const auto microseconds = *whole<std::uint64_t>(cell.substr(0, 8));
  const bool negative = microseconds < 0;
  if (microseconds == INT64_MIN) return hex(cell);
  return std::to_string(*whole<std::uint32_t>(cell.substr(12))) + " mons " +
         std::to_string(*whole<std::uint32_t>(cell.substr(8, 4))) + " days " +
         (negative ? "-" : "") + time_text(negative ? -microseconds : microseconds);
}

}  // namespace

std::string readable_hex(std::string_view cell) {
  std::string out = "\\x";
  append_hex(cell, out);
  return out;
}

std::string readable_binary(ValueKind kind, std::string_view cell) {
  switch (kind) {
    case ValueKind::boolean:
      return boolean_text(cell);
    case ValueKind::int2:
      return integer_text<std::uint16_t>(cell);
    case ValueKind::int4:
      return integer_text<std::uint32_t>(cell);
    case ValueKind::int8:
      return integer_text<std::uint64_t>(cell);
    case ValueKind::oid: {
      std::uint32_t value = 0;
      return read_fixed(cell, value) ? std::to_string(value) : hex(cell);
    }
    case ValueKind::float4:
      return float_text<float, std::uint32_t>(cell);
    case ValueKind::float8:
      return float_text<double, std::uint64_t>(cell);
    case ValueKind::numeric:
      return numeric_text(cell);
    case ValueKind::text:
    case ValueKind::bpchar:
    case ValueKind::single_char:
    case ValueKind::enumeration:
    case ValueKind::json:
      return std::string(cell);
    case ValueKind::jsonb:
      return std::string(cell.substr(cell.empty() ? 0 : 1));
    case ValueKind::uuid:
      return uuid_text(cell);
    case ValueKind::date:
      return readable_date(cell);
    case ValueKind::time:
      return readable_time(cell);
    case ValueKind::timestamp:
      return readable_timestamp(cell, false);
    case ValueKind::timestamptz:
      return readable_timestamp(cell, true);
    case ValueKind::interval:
      return readable_interval(cell);
    case ValueKind::bit:
      return bits_text(cell);
    case ValueKind::not_understood:
    case ValueKind::bytea:
    case ValueKind::timetz:
    case ValueKind::inet:
    case ValueKind::macaddr:
    case ValueKind::macaddr8:
    case ValueKind::array:
    case ValueKind::composite:
    case ValueKind::record:
    case ValueKind::range:
    case ValueKind::multirange:
      return hex(cell);
  }
  return hex(cell);
}

}  // namespace parallax::shadow
