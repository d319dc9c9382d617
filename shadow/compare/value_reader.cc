#include "shadow/compare/value_reader.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "protocol/bytes.h"
#include "shadow/compare/calendar.h"
#include "shadow/compare/numeric_value.h"
#include "shadow/compare/value_nested.h"
#include "shadow/compare/value_readable.h"
#include "shadow/compare/value_scalar.h"

namespace parallax::shadow {
namespace {

template <typename Float>
std::optional<double> text_number(std::string_view cell) {
  Float value = 0;
  const char* const end = cell.data() + cell.size();
  const auto read = std::from_chars(cell.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

template <typename Float, typename Unsigned>
std::optional<double> binary_number(std::string_view cell) {
  Unsigned bits = 0;
  if (!read_fixed(cell, bits)) return std::nullopt;
  const auto value = std::bit_cast<Float>(bits);
  return std::isfinite(value) ? std::optional<double>(value) : std::nullopt;
}

std::optional<std::int64_t> finite(std::optional<std::int64_t> microseconds) {
  if (microseconds == kInfiniteTimestamp || microseconds == kMinusInfiniteTimestamp) {
    return std::nullopt;
  }
  return microseconds;
}

// The types of a record's fields, which only its binary format names.
std::optional<std::vector<std::uint32_t>> field_types(std::string_view cell) {
  protocol::ByteReader wire(protocol::as_bytes(cell));
  const auto count = wire.u32();
  std::vector<std::uint32_t> types;
  for (std::uint32_t i = 0; count && i < *count; ++i) {
    const auto type = wire.u32();
    const auto length = wire.i32();
    if (!length) return std::nullopt;
    if (*length > 0) wire.bytes(static_cast<std::size_t>(*length));
    if (wire.failed()) return std::nullopt;
    types.push_back(*type);
  }
  return types;
}

void add_once(EqualStep step, std::vector<EqualStep>& steps) {
  const auto place = std::ranges::lower_bound(steps, step);
  if (place == steps.end() || *place != step) steps.insert(place, step);
}

}  // namespace

ValueReader::ValueReader(const TypeCatalog& catalog, std::uint32_t type_oid, bool binary,
                         TextStyle style, int depth)
    : catalog_(&catalog),
      type_oid_(type_oid),
      kind_(ValueKind::not_understood),
      binary_(binary),
      style_(style),
      depth_(depth) {
  if (depth >= kTypeDepthMax) return;
  const ResolvedType type = resolve_type(type_oid, catalog);
  type_oid_ = type.oid;
  kind_ = type.kind;
  last_key_wins_ = kind_ == ValueKind::jsonb;
  read_parts(type);
}

void ValueReader::read_parts(const ResolvedType& type) {
  const auto add = [this](std::uint32_t oid) {
    parts_.push_back(ValueReader(*catalog_, oid, binary_, style_, depth_ + 1));
  };
  if (kind_ == ValueKind::array) {
    const auto element = catalog_->find(type.facts->of);
    if (element != catalog_->end()) delimiter_ = element->second.delimiter;
    add(type.facts->of);
  } else if (kind_ == ValueKind::composite) {
    for (const std::uint32_t field : type.facts->fields) add(field);
  } else if (kind_ == ValueKind::range) {
    add(type.facts->of);
  } else if (kind_ == ValueKind::multirange) {
    const auto range = catalog_->find(type.facts->of);
    if (range == catalog_->end() || range->second.kind != TypeKind::range) {
      kind_ = ValueKind::not_understood;
    } else {
      add(range->second.of);
    }
  }
}

void ValueReader::compare_with(std::uint32_t other_type) {
  const ResolvedType other = resolve_type(other_type, *catalog_);
  if (kind_ == ValueKind::json) last_key_wins_ = other.kind == ValueKind::jsonb;
  if (kind_ == ValueKind::array && other.kind == ValueKind::array) {
    parts_.front().compare_with(other.facts->of);
  }
}

void ValueReader::append_keeping(std::string_view cell, KeptApart kept, std::string& out) const {
  const std::size_t start = out.size();
  if (style_is_readable() && append_value(cell, kept, out)) return;
  out.resize(start);
  out.push_back(kUnreadMark);
  out.push_back(binary_ ? 'b' : 't');
  out.append(cell);
}

bool ValueReader::append_value(std::string_view cell, KeptApart kept, std::string& out) const {
  if (!parts_.empty() || kind_ == ValueKind::composite) return append_nested(cell, kept, out);
  if (kind_ == ValueKind::record) return binary_ && append_record(cell, kept, out);
  const ScalarReading reading{kept, last_key_wins_};
  return binary_ ? append_binary_scalar(kind_, cell, reading, out)
                 : append_text_scalar(kind_, cell, reading, out);
}

bool ValueReader::append_nested(std::string_view cell, KeptApart kept, std::string& out) const {
  if (kind_ == ValueKind::array) {
    return binary_ ? append_binary_array(cell, parts_.front(), kept, out)
                   : append_text_array(cell, parts_.front(), delimiter_, kept, out);
  }
  if (kind_ == ValueKind::composite) {
    return binary_ ? append_binary_composite(cell, parts_, kept, out)
                   : append_text_composite(cell, parts_, kept, out);
  }
  if (kind_ == ValueKind::range) {
    return binary_ ? append_binary_range(cell, parts_.front(), kept, out)
                   : append_text_range(cell, parts_.front(), kept, out);
  }
  return binary_ ? append_binary_multirange(cell, parts_.front(), kept, out)
                 : append_text_multirange(cell, parts_.front(), kept, out);
}

// As the server, which does not compare records whose fields have other types.
bool ValueReader::append_record(std::string_view cell, KeptApart kept, std::string& out) const {
  const auto types = field_types(cell);
  if (!types) return false;
  std::vector<ValueReader> fields;
  fields.reserve(types->size());
  out.push_back('o');
  append_big_endian(static_cast<std::uint32_t>(types->size()), out);
  for (const std::uint32_t type : *types) {
    append_big_endian(type, out);
    fields.push_back(ValueReader(*catalog_, type, true, style_, depth_ + 1));
  }
  return append_binary_composite(cell, fields, kept, out);
}

// Whether its cells are written in a way that is read here; binary ones always are.
bool ValueReader::style_is_readable() const {
  if (binary_) return true;
  switch (kind_) {
    case ValueKind::float4:
    case ValueKind::float8:
      return style_.exact_floats;
    case ValueKind::date:
    case ValueKind::timestamp:
    case ValueKind::timestamptz:
      return style_.iso_dates;
    case ValueKind::interval:
      return style_.plain_intervals;
    case ValueKind::not_understood:
    case ValueKind::boolean:
    case ValueKind::int2:
    case ValueKind::int4:
    case ValueKind::int8:
    case ValueKind::oid:
    case ValueKind::numeric:
    case ValueKind::text:
    case ValueKind::bpchar:
    case ValueKind::single_char:
    case ValueKind::bytea:
    case ValueKind::uuid:
    case ValueKind::time:
    case ValueKind::timetz:
    case ValueKind::json:
    case ValueKind::jsonb:
    case ValueKind::inet:
    case ValueKind::macaddr:
    case ValueKind::macaddr8:
    case ValueKind::bit:
    case ValueKind::enumeration:
    case ValueKind::array:
    case ValueKind::composite:
    case ValueKind::record:
    case ValueKind::range:
    case ValueKind::multirange:
      return true;
  }
  return true;
}

std::vector<EqualStep> ValueReader::steps_between(std::string_view cell, const ValueReader& other,
                                                  std::string_view other_cell) const {
  std::vector<EqualStep> steps;
  std::string first;
  std::string second;
  for (const EqualStep step : possible_steps(other)) {
    if (step == EqualStep::format || step == EqualStep::type_width) continue;
    first.clear();
    second.clear();
    append_keeping(cell, step, first);
    other.append_keeping(other_cell, step, second);
    if (first != second) steps.push_back(step);
  }
  if (binary_ != other.binary_) {
    add_once(EqualStep::format, steps);
  } else if (steps.empty()) {
    steps.push_back(unexplained_step(other));
  }
  return steps;
}

std::optional<double> ValueReader::number(std::string_view cell) const {
  if (kind_ == ValueKind::float4) {
    return binary_ ? binary_number<float, std::uint32_t>(cell) : text_number<float>(cell);
  }
  if (kind_ == ValueKind::float8) {
    return binary_ ? binary_number<double, std::uint64_t>(cell) : text_number<double>(cell);
  }
  return std::nullopt;
}

std::optional<std::int64_t> ValueReader::microseconds(std::string_view cell) const {
  if (kind_ != ValueKind::timestamp && kind_ != ValueKind::timestamptz) return std::nullopt;
  if (binary_) {
    std::uint64_t value = 0;
    if (!read_fixed(cell, value)) return std::nullopt;
    return finite(static_cast<std::int64_t>(value));
  }
  if (!style_is_readable()) return std::nullopt;
  if (kind_ == ValueKind::timestamp) return finite(read_timestamp(cell));
  const auto zoned = read_timestamptz(cell);
  return zoned ? finite(zoned->microseconds) : std::nullopt;
}

bool ValueReader::changes_as_double(std::string_view number_text) {
  const auto value = text_number<double>(number_text);
  if (!value) return true;
  char printed[40];
  const char* const end = std::to_chars(printed, printed + sizeof(printed), *value).ptr;
  return !same_numeric(number_text, {printed, end});
}

std::string ValueReader::readable(std::string_view cell) const {
  if (!binary_) return std::string(cell);
  if (kind_ == ValueKind::array) return readable_array(cell, parts_.front());
  if (kind_ == ValueKind::composite) return readable_composite(cell, parts_);
  return readable_binary(kind_, cell);
}

}  // namespace parallax::shadow
