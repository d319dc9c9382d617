#pragma once

// How the cells of a type are read: what its OID says, domains looked through.

#include <cstdint>

#include "shadow/compare/type_catalog.h"

namespace parallax::shadow {

enum class ValueKind {
  not_understood,
  boolean,
  int2,
  int4,
  int8,
  oid,
  float4,
  float8,
  numeric,
  text,  // text, varchar, name
  bpchar,
  single_char,  // "char"
  bytea,
  uuid,
  date,
  time,
  timetz,
  timestamp,
  timestamptz,
  interval,
  json,
  jsonb,
  inet,  // inet, cidr
  macaddr,
  macaddr8,
  bit,  // bit, varbit
  enumeration,
  array,
  composite,
  record,  // without a type of its own: only the binary format says of what
  range,
  multirange
};

struct ResolvedType {
  std::uint32_t oid = 0;  // the base type of a domain
  ValueKind kind = ValueKind::not_understood;
  const TypeFacts* facts = nullptr;  // of `oid`; of types that are not built in
};
ResolvedType resolve_type(std::uint32_t type_oid, const TypeCatalog& catalog);

}  // namespace parallax::shadow
