#include "shadow/compare/value_scalar.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "protocol/bytes.h"
#include "shadow/compare/calendar.h"
#include "shadow/compare/json_value.h"
#include "shadow/compare/numeric_binary.h"
#include "shadow/compare/numeric_value.h"
#include "shadow/compare/value_text.h"

namespace parallax::shadow {
namespace {

constexpr char kJsonbVersion = 1;

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  return read.ec == std::errc() && read.ptr == end;
}

template <typename Integer>
bool append_integer(std::string_view text, std::string& out) {
  Integer value = 0;
  if (!read_number(text, value)) return false;
  append_whole(static_cast<std::int64_t>(value), out);
  return true;
}

template <typename Unsigned>
bool append_fixed(std::string_view cell, std::string& out) {
  Unsigned value = 0;
  if (!read_fixed(cell, value)) return false;
  append_whole(static_cast<std::make_signed_t<Unsigned>>(value), out);
  return true;
}

// float4 is widened, as float4 = float8 does. NaN is one value, as in the server.
void append_float(double value, KeptApart kept, std::string& out) {
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  if (value == 0 && kept != EqualStep::negative_zero) value = 0;
  append_whole(std::bit_cast<std::int64_t>(value), out);
}

template <typename Float>
bool append_text_float(std::string_view text, KeptApart kept, std::string& out) {
  Float value = 0;
  if (!read_number(text, value)) return false;
  append_float(value, kept, out);
  return true;
}

template <typename Float, typename Unsigned>
bool append_binary_float(std::string_view cell, KeptApart kept, std::string& out) {
  Unsigned bits = 0;
  if (!read_fixed(cell, bits)) return false;
  append_float(std::bit_cast<Float>(bits), kept, out);
  return true;
}

// What `bpchar = bpchar` and the cast to text do.
void append_padded(std::string_view cell, KeptApart kept, std::string& out) {
  if (kept != EqualStep::padding) cell = cell.substr(0, cell.find_last_not_of(' ') + 1);
  out.append(cell);
}

bool append_if(const std::optional<std::int64_t>& value, std::string& out) {
  if (value) append_whole(*value, out);
  return value.has_value();
}

// `timetz = timetz` holds for the same time in the same zone only.
void append_timetz(const ZonedTime& time, std::string& out) {
  append_whole(time.microseconds, out);
  append_big_endian(static_cast<std::uint32_t>(time.seconds_west), out);
}

// Field by field. The server's `=` takes a month as 30 days and a day as 24 hours, but intervals
// that are equal by it give other dates when they are added: they are not the same value to a
// client.
void append_interval(const IntervalFields& fields, std::string& out) {
  append_whole(fields.microseconds, out);
  append_big_endian(static_cast<std::uint32_t>(fields.days), out);
  append_big_endian(static_cast<std::uint32_t>(fields.months), out);
}

bool append_text_timestamptz(std::string_view cell, KeptApart kept, std::string& out) {
  const auto zoned = read_timestamptz(cell);
  if (!zoned) return false;
  append_whole(zoned->microseconds, out);
  if (kept == EqualStep::time_zone) append_whole(zoned->seconds_west, out);
  return true;
}

bool append_text_numeric(std::string_view cell, KeptApart kept, std::string& out) {
  NumericValue(cell).append_canonical(out);
  if (kept == EqualStep::numeric_scale) append_numeric_scale(cell, out);
  return true;
}

bool append_text_timetz(std::string_view cell, std::string& out) {
  const auto time = read_timetz(cell);
  if (time) append_timetz(*time, out);
  return time.has_value();
}

bool append_text_interval(std::string_view cell, std::string& out) {
  const auto fields = read_interval(cell);
  if (fields) append_interval(*fields, out);
  return fields.has_value();
}

bool append_binary_oid(std::string_view cell, std::string& out) {
  std::uint32_t value = 0;
  if (!read_fixed(cell, value)) return false;
  append_whole(value, out);
  return true;
}

// Address family, bits, whether cidr, length, address.
bool append_binary_inet(std::string_view cell, std::string& out) {
  if (cell.size() != 8 && cell.size() != 20) return false;
  out.append(cell.substr(0, 2)).append(cell.substr(4));
  return true;
}

bool append_binary_bytes(std::string_view cell, std::size_t count, std::string& out) {
  if (cell.size() != count) return false;
  out.append(cell);
  return true;
}

bool append_binary_timetz(std::string_view cell, std::string& out) {
  if (cell.size() != 12) return false;
  std::uint64_t microseconds = 0;
  std::uint32_t zone = 0;
  read_fixed(cell.substr(0, 8), microseconds);
  read_fixed(cell.substr(8), zone);
  append_timetz({static_cast<std::int64_t>(microseconds), static_cast<std::int32_t>(zone)}, out);
  return true;
}

bool append_binary_interval(std::string_view cell, std::string& out) {
  if (cell.size() != 16) return false;
  out.push_back('i');
  out.append(cell);
  return true;
}

bool append_text_boolean(std::string_view cell, std::string& out) {
  if (cell != "t" && cell != "f") return false;
  out.append(cell);
  return true;
}

bool append_binary_boolean(std::string_view cell, std::string& out) {
  if (cell.size() != 1 || (cell[0] != 0 && cell[0] != 1)) return false;
  out.push_back(cell[0] == 1 ? 't' : 'f');
  return true;
}

bool append_text_bits(std::string_view cell, std::string& out) {
  if (cell.find_first_not_of("01") != std::string_view::npos) return false;
  out.append(cell);
  return true;
}

bool append_json_cell(std::string_view text, const ScalarReading& reading, std::string& out) {
  return append_json(text, {reading.kept, reading.last_key_wins}, out);
}

}  // namespace

bool append_text_scalar(ValueKind kind, std::string_view cell, const ScalarReading& reading,
                        std::string& out) {
  switch (kind) {
    case ValueKind::boolean:
      return append_text_boolean(cell, out);
    case ValueKind::int2:
      return append_integer<std::int16_t>(cell, out);
    case ValueKind::int4:
      return append_integer<std::int32_t>(cell, out);
    case ValueKind::int8:
      return append_integer<std::int64_t>(cell, out);
    case ValueKind::oid:
      return append_integer<std::uint32_t>(cell, out);
    case ValueKind::float4:
      return append_text_float<float>(cell, reading.kept, out);
    case ValueKind::float8:
      return append_text_float<double>(cell, reading.kept, out);
    case ValueKind::numeric:
      return append_text_numeric(cell, reading.kept, out);
    case ValueKind::text:
    case ValueKind::single_char:
    case ValueKind::enumeration:
      out.append(cell);
      return true;
    case ValueKind::bpchar:
      append_padded(cell, reading.kept, out);
      return true;
    case ValueKind::bytea:
      out.push_back('x');
      return append_bytea(cell, out);
    case ValueKind::uuid:
      out.push_back('u');
      return append_uuid(cell, out);
    case ValueKind::date:
      return append_if(read_date(cell), out);
    case ValueKind::time:
      return append_if(read_time(cell), out);
    case ValueKind::timetz:
      return append_text_timetz(cell, out);
    case ValueKind::timestamp:
      return append_if(read_timestamp(cell), out);
    case ValueKind::timestamptz:
      return append_text_timestamptz(cell, reading.kept, out);
    case ValueKind::interval:
      return append_text_interval(cell, out);
    case ValueKind::json:
    case ValueKind::jsonb:
      return append_json_cell(cell, reading, out);
    case ValueKind::inet:
      return append_inet(cell, out);
    case ValueKind::macaddr:
      out.push_back('m');
      return append_macaddr(cell, 6, out);
    case ValueKind::macaddr8:
      out.push_back('m');
      return append_macaddr(cell, 8, out);
    case ValueKind::bit:
      return append_text_bits(cell, out);
    case ValueKind::not_understood:
    case ValueKind::array:
    case ValueKind::composite:
    case ValueKind::record:
    case ValueKind::range:
    case ValueKind::multirange:
      return false;
  }
  return false;
}

bool append_binary_scalar(ValueKind kind, std::string_view cell, const ScalarReading& reading,
                          std::string& out) {
  switch (kind) {
    case ValueKind::boolean:
      return append_binary_boolean(cell, out);
    case ValueKind::int2:
      return append_fixed<std::uint16_t>(cell, out);
    case ValueKind::int4:
    case ValueKind::date:
      return append_fixed<std::uint32_t>(cell, out);
    case ValueKind::int8:
    case ValueKind::time:
    case ValueKind::timestamp:
    case ValueKind::timestamptz:
      return append_fixed<std::uint64_t>(cell, out);
    case ValueKind::oid:
      return append_binary_oid(cell, out);
    case ValueKind::float4:
      return append_binary_float<float, std::uint32_t>(cell, reading.kept, out);
    case ValueKind::float8:
      return append_binary_float<double, std::uint64_t>(cell, reading.kept, out);
    case ValueKind::numeric:
      return append_numeric_canonical(cell, reading.kept == EqualStep::numeric_scale, out);
    case ValueKind::text:
    case ValueKind::enumeration:
      out.append(cell);
      return true;
    case ValueKind::single_char:
      // Its text format has no byte for 0.
      if (cell != std::string_view("\0", 1)) out.append(cell);
      return true;
    case ValueKind::bpchar:
      append_padded(cell, reading.kept, out);
      return true;
    case ValueKind::bytea:
      out.push_back('x');
      out.append(cell);
      return true;
    case ValueKind::uuid:
      out.push_back('u');
      return append_binary_bytes(cell, 16, out);
    case ValueKind::timetz:
      return append_binary_timetz(cell, out);
    case ValueKind::interval:
      return append_binary_interval(cell, out);
    case ValueKind::json:
      return append_json_cell(cell, reading, out);
    case ValueKind::jsonb:
      return !cell.empty() && cell[0] == kJsonbVersion &&
             append_json_cell(cell.substr(1), reading, out);
    case ValueKind::inet:
      return append_binary_inet(cell, out);
    case ValueKind::macaddr:
      out.push_back('m');
      return append_binary_bytes(cell, 6, out);
    case ValueKind::macaddr8:
      out.push_back('m');
      return append_binary_bytes(cell, 8, out);
    case ValueKind::bit:
      return append_bits(cell, out);
    case ValueKind::not_understood:
    case ValueKind::array:
    case ValueKind::composite:
    case ValueKind::record:
    case ValueKind::range:
    case ValueKind::multirange:
      return false;
  }
  return false;
}

}  // namespace parallax::shadow
