#pragma once

// What types the server gives to a rule's names.

#include <cstdint>
#include <string>
#include <vector>

#include "shadow/compare/type_catalog.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// Of a name that stands on both sides; a name at several places may have several of them.
struct ParameterTypes {
  std::string name;  // ":id", "$3"
  std::vector<std::uint32_t> legacy;
  std::vector<std::uint32_t> rewrite;
};

// Types of the parameters of each prepared statement of a side.
using TypesByStatement = std::vector<std::vector<std::uint32_t>>;

std::vector<ParameterTypes> parameter_types(const Rule& rule, const TypesByStatement& legacy,
                                            const TypesByStatement& rewrite);

// The type itself, or of an array that of its members: one side may have `in (:ids)` and the other
// `= any(:ids)`.
std::uint32_t member_type(std::uint32_t type_oid, const TypeCatalog& catalog);

}  // namespace parallax::shadow
