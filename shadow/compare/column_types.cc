#include "shadow/compare/column_types.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace parallax::shadow {
namespace {

// OIDs of pg_type.dat; they are fixed.
constexpr std::uint32_t kInt8 = 20;
constexpr std::uint32_t kInt2 = 21;
constexpr std::uint32_t kInt4 = 23;
constexpr std::uint32_t kText = 25;
constexpr std::uint32_t kVarchar = 1043;
constexpr std::uint32_t kNumeric = 1700;

struct NamedType {
  std::uint32_t oid;
  std::string_view name;
};
constexpr std::array kNamedTypes = {
    NamedType{16, "bool"},       NamedType{17, "bytea"},         NamedType{18, "char"},
    NamedType{19, "name"},       NamedType{kInt8, "int8"},       NamedType{kInt2, "int2"},
    NamedType{kInt4, "int4"},    NamedType{kText, "text"},       NamedType{26, "oid"},
    NamedType{114, "json"},      NamedType{650, "cidr"},         NamedType{700, "float4"},
    NamedType{701, "float8"},    NamedType{705, "unknown"},      NamedType{790, "money"},
    NamedType{869, "inet"},      NamedType{1000, "bool[]"},      NamedType{1005, "int2[]"},
    NamedType{1007, "int4[]"},   NamedType{1009, "text[]"},      NamedType{1015, "varchar[]"},
    NamedType{1016, "int8[]"},   NamedType{1021, "float4[]"},    NamedType{1022, "float8[]"},
    NamedType{1042, "bpchar"},   NamedType{kVarchar, "varchar"}, NamedType{1082, "date"},
    NamedType{1083, "time"},     NamedType{1114, "timestamp"},   NamedType{1184, "timestamptz"},
    NamedType{1186, "interval"}, NamedType{1231, "numeric[]"},   NamedType{1266, "timetz"},
    NamedType{1560, "bit"},      NamedType{1562, "varbit"},      NamedType{kNumeric, "numeric"},
    NamedType{2249, "record"},   NamedType{2278, "void"},        NamedType{2950, "uuid"},
    NamedType{2951, "uuid[]"},   NamedType{3802, "jsonb"},       NamedType{3807, "jsonb[]"}};

}  // namespace

std::string type_name(std::uint32_t type_oid, const TypeCatalog& types) {
  const auto found = std::find_if(kNamedTypes.begin(), kNamedTypes.end(),
                                  [type_oid](const NamedType& t) { return t.oid == type_oid; });
  if (found != kNamedTypes.end()) return std::string(found->name);
  const auto known = types.find(type_oid);
  if (known != types.end() && !known->second.name.empty()) return known->second.name;
  return "type " + std::to_string(type_oid);
}

}  // namespace parallax::shadow
