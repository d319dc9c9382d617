#pragma once

// What types the server gives to a rule's names.

#include <cstdint>
#include <functional>
#include <map>
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

// Name -> the type that the server gives to it in a side, where it is one.
using NameTypes = std::map<std::string, std::uint32_t, std::less<>>;
NameTypes name_types(const std::vector<RuleStatement>& side, const TypesByStatement& types);

// Binary values that came without a type get the one that the server has given them: that of their
// name in the side that the client sent. False: it has none, or several.
bool type_values(NamedValues& values, const NameTypes& types);

// The type itself, or of an array that of its members: one side may have `in (:ids)` and the other
// `= any(:ids)`.
std::uint32_t member_type(std::uint32_t type_oid, const TypeCatalog& catalog);

}  // namespace parallax::shadow
