#pragma once

// How types are called in messages.

#include <cstdint>
#include <string>

#include "shadow/compare/pairing.h"

namespace parallax::shadow {

// "int8", "enum 16402", "type 16399": the server's names of its own types, other types by OID.
std::string type_name(std::uint32_t type_oid, const Catalog& catalog);

}  // namespace parallax::shadow
