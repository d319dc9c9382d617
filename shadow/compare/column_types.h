#pragma once

// Which type OIDs compare with which.

#include <cstdint>
#include <string>

#include "shadow/compare/pairing.h"
#include "shadow/compare/row_match.h"

namespace parallax::shadow {

enum class TypeRelation { same, integer_width, enum_and_text, different };

// int2, int4 and int8 are one type; an enum and text or varchar are one. Arrays of them are not.
TypeRelation relate_types(std::uint32_t legacy, std::uint32_t rewrite, const Catalog& catalog);

// How the cells of a column of this type compare: numeric by value, all others by text.
CellKind cell_kind(std::uint32_t type_oid);

// "int8", "enum 16402", "type 16399": the server's names of its own types, other types by OID.
std::string type_name(std::uint32_t type_oid, const Catalog& catalog);

}  // namespace parallax::shadow
