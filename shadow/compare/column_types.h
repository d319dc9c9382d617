#pragma once

// How types are called in messages.

#include <cstdint>
#include <string>

#include "shadow/compare/pairing.h"

namespace parallax::shadow {

// "int8", "mood", "type 16399": types that are not known go by their OID.
std::string type_name(std::uint32_t type_oid, const TypeCatalog& types);
inline std::string type_name(std::uint32_t type_oid, const Catalog& catalog) {
  return type_name(type_oid, catalog.types);
}

}  // namespace parallax::shadow
