#pragma once

// How types are called in messages.

#include <cstdint>
#include <string>

#include "shadow/compare/pairing.h"

namespace parallax::shadow {

// "int8", "mood", "type 16399": types that are not known go by their OID.
std::string type_name(std::uint32_t type_oid, const Catalog& catalog);

}  // namespace parallax::shadow
