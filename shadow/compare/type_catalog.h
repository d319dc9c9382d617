#pragma once

// What pg_type says of types that are not built in, as far as reading their values needs it. Read
// from the target's catalog when a rule is verified.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace parallax::shadow {

enum class TypeKind { base, enumeration, domain, array, composite, range, multirange };

struct TypeFacts {
  TypeKind kind = TypeKind::base;
  std::string name;      // format_type(), for messages
  std::uint32_t of = 0;  // domain: base type; array: element; (multi)range: subtype / range type
  char delimiter = ',';  // of arrays of this element type
  std::vector<std::uint32_t> fields;  // composite: types of its live attributes, in order
};

using TypeCatalog = std::unordered_map<std::uint32_t, TypeFacts>;

}  // namespace parallax::shadow
