#include "shadow/compare/value_kind.h"

namespace parallax::shadow {
namespace {

// Domains over domains; the server has no limit, a catalog that is a ring must end.
constexpr int kDomainDepthMax = 32;

// OIDs of pg_type.dat; they are fixed.
ValueKind built_in_kind(std::uint32_t oid) {
  switch (oid) {
    case 16:
      return ValueKind::boolean;
    case 17:
      return ValueKind::bytea;
    case 18:
      return ValueKind::single_char;
    case 19:    // name
    case 25:    // text
    case 1043:  // varchar
      return ValueKind::text;
    case 20:
      return ValueKind::int8;
    case 21:
      return ValueKind::int2;
    case 23:
      return ValueKind::int4;
    case 26:
      return ValueKind::oid;
    case 114:
      return ValueKind::json;
    case 650:  // cidr
    case 869:  // inet
      return ValueKind::inet;
    case 700:
      return ValueKind::float4;
    case 701:
      return ValueKind::float8;
    case 774:
      return ValueKind::macaddr8;
    case 829:
      return ValueKind::macaddr;
    case 1042:
      return ValueKind::bpchar;
    case 1082:
      return ValueKind::date;
    case 1083:
      return ValueKind::time;
    case 1114:
      return ValueKind::timestamp;
    case 1184:
      return ValueKind::timestamptz;
    case 1186:
      return ValueKind::interval;
    case 1266:
      return ValueKind::timetz;
    case 1560:  // bit
    case 1562:  // varbit
      return ValueKind::bit;
    case 1700:
      return ValueKind::numeric;
    case 2249:
      return ValueKind::record;
    case 2950:
      return ValueKind::uuid;
    case 3802:
      return ValueKind::jsonb;
    default:  // an open set: money, xml, tsvector, geometric and registered types among others
      return ValueKind::not_understood;
  }
}

ValueKind catalog_kind(std::uint32_t oid, TypeKind kind) {
  switch (kind) {
    case TypeKind::base:
      return built_in_kind(oid);
    case TypeKind::enumeration:
      return ValueKind::enumeration;
    case TypeKind::domain:
      return ValueKind::not_understood;
    case TypeKind::array:
      return ValueKind::array;
    case TypeKind::composite:
      return ValueKind::composite;
    case TypeKind::range:
      return ValueKind::range;
    case TypeKind::multirange:
      return ValueKind::multirange;
  }
  return ValueKind::not_understood;
}

}  // namespace

ResolvedType resolve_type(std::uint32_t type_oid, const TypeCatalog& catalog) {
  ResolvedType type{type_oid, ValueKind::not_understood, nullptr};
  for (int depth = 0; depth < kDomainDepthMax; ++depth) {
    const auto found = catalog.find(type.oid);
    if (found == catalog.end()) {
      type.kind = built_in_kind(type.oid);
      return type;
    }
    type.facts = &found->second;
    if (found->second.kind != TypeKind::domain) {
      type.kind = catalog_kind(type.oid, found->second.kind);
      return type;
    }
    type.oid = found->second.of;
    type.facts = nullptr;
  }
  return type;
}

}  // namespace parallax::shadow
