// What is known of the cells of a reader before one is read.

#include <algorithm>

#include "shadow/compare/value_reader.h"

namespace parallax::shadow {
namespace {

// Kinds that compare with each other.
enum class Family { none, integers, floats, texts, jsons };

Family family_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::int2:
    case ValueKind::int4:
    case ValueKind::int8:
      return Family::integers;
    case ValueKind::float4:
    case ValueKind::float8:
      return Family::floats;
    case ValueKind::text:
    case ValueKind::bpchar:
    case ValueKind::single_char:
      return Family::texts;
    case ValueKind::json:
    case ValueKind::jsonb:
      return Family::jsons;
    case ValueKind::not_understood:
    case ValueKind::boolean:
    case ValueKind::oid:
    case ValueKind::numeric:
    case ValueKind::bytea:
    case ValueKind::uuid:
    case ValueKind::date:
    case ValueKind::time:
    case ValueKind::timetz:
    case ValueKind::timestamp:
    case ValueKind::timestamptz:
    case ValueKind::interval:
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
      return Family::none;
  }
  return Family::none;
}

TypeMatch match_families(Family legacy, Family rewrite) {
  if (legacy != rewrite) return {};
  switch (legacy) {
    case Family::none:
      return {};
    case Family::integers:
    case Family::floats:
      return {true, EqualStep::type_width};
    case Family::texts:
      return {true, EqualStep::text_type};
    case Family::jsons:
      return {true, EqualStep::json_text};
  }
  return {};
}

// Arrays have no arrays as elements; what else the catalog may say ends here.
constexpr int kArrayDepthMax = 4;

TypeMatch match_resolved(std::uint32_t legacy, std::uint32_t rewrite, const TypeCatalog& catalog,
                         int depth) {
  const ResolvedType first = resolve_type(legacy, catalog);
  const ResolvedType second = resolve_type(rewrite, catalog);
  if (first.oid == second.oid) return {true, std::nullopt};
  if (first.kind == ValueKind::array && second.kind == ValueKind::array) {
    if (depth == kArrayDepthMax) return {};
    return match_resolved(first.facts->of, second.facts->of, catalog, depth + 1);
  }
  const Family one = family_of(first.kind);
  const Family other = family_of(second.kind);
  if ((first.kind == ValueKind::enumeration && other == Family::texts) ||
      (second.kind == ValueKind::enumeration && one == Family::texts)) {
    return {true, EqualStep::enum_text};
  }
  return match_families(one, other);
}

}  // namespace

TypeMatch match_types(std::uint32_t legacy, std::uint32_t rewrite, const TypeCatalog& catalog) {
  return match_resolved(legacy, rewrite, catalog, 0);
}

bool ValueReader::understood() const {
  if (kind_ == ValueKind::not_understood) return false;
  if (kind_ == ValueKind::record) return binary_;
  return std::ranges::all_of(parts_, &ValueReader::understood);
}

bool ValueReader::comparable_across_formats() const {
  if (kind_ == ValueKind::record || !understood()) return false;
  ValueReader as_text = *this;
  as_text.binary_ = false;
  return as_text.style_is_readable() &&
         std::ranges::all_of(parts_, &ValueReader::comparable_across_formats);
}

bool ValueReader::bytes_are_value() const {
  if (!style_is_readable()) return true;
  switch (kind_) {
    case ValueKind::not_understood:
    case ValueKind::boolean:
    case ValueKind::int2:
    case ValueKind::int4:
    case ValueKind::int8:
    case ValueKind::oid:
    case ValueKind::text:
    case ValueKind::single_char:
    case ValueKind::uuid:
    case ValueKind::date:
    case ValueKind::time:
    case ValueKind::timetz:
    case ValueKind::timestamp:
    case ValueKind::interval:
    case ValueKind::macaddr:
    case ValueKind::macaddr8:
    case ValueKind::bit:
    case ValueKind::enumeration:
      return true;
    case ValueKind::float4:
    case ValueKind::float8:
    case ValueKind::numeric:
    case ValueKind::bpchar:
    case ValueKind::json:
    case ValueKind::jsonb:
    case ValueKind::inet:
    case ValueKind::composite:
      return false;
    case ValueKind::bytea:
    case ValueKind::timestamptz:
      return binary_;
    case ValueKind::record:
      return !binary_;
    case ValueKind::array:
    case ValueKind::range:
    case ValueKind::multirange:
      // An array's binary format may or may not say that it could hold NULLs.
      return !binary_ && parts_.front().bytes_are_value();
  }
  return false;
}

bool ValueReader::same_bytes_are_equal(const ValueReader& other) const {
  return binary_ == other.binary_ && style_ == other.style_ && same_kind_of_bytes(other);
}

bool ValueReader::same_kind_of_bytes(const ValueReader& other) const {
  if (last_key_wins_ != other.last_key_wins_) return false;
  if (kind_ != other.kind_) {
    // Binary cells of two widths never have the same bytes.
    const bool floats = family_of(kind_) == Family::floats && !binary_;
    const bool padded = kind_ == ValueKind::bpchar || other.kind_ == ValueKind::bpchar;
    if (floats || padded) return false;
  }
  return std::ranges::equal(parts_, other.parts_, [](const ValueReader& a, const ValueReader& b) {
    return a.same_kind_of_bytes(b);
  });
}

void ValueReader::add_kept_steps(std::vector<EqualStep>& steps) const {
  switch (kind_) {
    case ValueKind::numeric:
      steps.push_back(EqualStep::numeric_scale);
      return;
    case ValueKind::float4:
    case ValueKind::float8:
      steps.push_back(EqualStep::negative_zero);
      return;
    case ValueKind::timestamptz:
      if (!binary_) steps.push_back(EqualStep::time_zone);
      return;
    case ValueKind::bpchar:
      steps.push_back(EqualStep::padding);
      return;
    case ValueKind::json:
    case ValueKind::jsonb:
      steps.insert(steps.end(),
                   {EqualStep::numeric_scale, EqualStep::json_text, EqualStep::json_order});
      return;
    case ValueKind::record:
      // Its fields are known cell by cell.
      steps.insert(steps.end(), {EqualStep::numeric_scale, EqualStep::negative_zero,
                                 EqualStep::padding, EqualStep::json_text, EqualStep::json_order});
      return;
    case ValueKind::array:
    case ValueKind::composite:
    case ValueKind::range:
    case ValueKind::multirange:
      for (const auto& part : parts_) part.add_kept_steps(steps);
      return;
    case ValueKind::not_understood:
    case ValueKind::boolean:
    case ValueKind::int2:
    case ValueKind::int4:
    case ValueKind::int8:
    case ValueKind::oid:
    case ValueKind::text:
    case ValueKind::single_char:
    case ValueKind::bytea:
    case ValueKind::uuid:
    case ValueKind::date:
    case ValueKind::time:
    case ValueKind::timetz:
    case ValueKind::timestamp:
    case ValueKind::interval:
    case ValueKind::inet:
    case ValueKind::macaddr:
    case ValueKind::macaddr8:
    case ValueKind::bit:
    case ValueKind::enumeration:
      return;
  }
}

EqualStep ValueReader::unexplained_step(const ValueReader& other) const {
  if (binary_ != other.binary_) return EqualStep::format;
  // The same blanks at other places, or the version of jsonb's binary format.
  if (family_of(kind_) == Family::jsons) return EqualStep::json_text;
  const bool width =
      match_types(type_oid_, other.type_oid_, *catalog_).step == EqualStep::type_width;
  return width ? EqualStep::type_width : EqualStep::format;
}

std::vector<EqualStep> ValueReader::possible_steps(const ValueReader& other) const {
  std::vector<EqualStep> steps;
  add_kept_steps(steps);
  other.add_kept_steps(steps);
  const bool one_format = binary_ == other.binary_;
  // A binary cell has no zone to differ by.
  if (!one_format) std::erase(steps, EqualStep::time_zone);
  const EqualStep unexplained = unexplained_step(other);
  if (steps.empty() || unexplained != EqualStep::format) steps.push_back(unexplained);
  // bytea has two text formats, NaN many bits, an array a flag that means nothing.
  const bool many_bytes = kind_ == ValueKind::bytea || !parts_.empty() ||
                          (binary_ && family_of(kind_) == Family::floats);
  if (!one_format || many_bytes) steps.push_back(EqualStep::format);
  std::ranges::sort(steps);
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  return steps;
}

}  // namespace parallax::shadow
