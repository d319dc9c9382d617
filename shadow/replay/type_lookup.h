#pragma once

// What the target's catalog says of types, as far as reading their values needs it.

#include <string>

#include "shadow/compare/result_set.h"
#include "shadow/compare/type_catalog.h"

namespace parallax::shadow {

// One query with one parameter, an array of type OIDs: these types and all that they are made of.
const std::string& type_lookup_sql();

// Its result, in text format. Rows that say nothing readable are left out: such types are not
// understood.
TypeCatalog read_types(const ResultSet& rows);

}  // namespace parallax::shadow
