#include "shadow/compare/clock_columns.h"

#include <algorithm>

#include "shadow/compare/column_types.h"
#include "shadow/compare/wording.h"

namespace parallax::shadow {

namespace {

constexpr std::uint32_t kTimestamp = 1114;
constexpr std::uint32_t kTimestamptz = 1184;

bool is_timestamp(std::uint32_t type, const TypeCatalog& types) {
  const auto facts = types.find(type);
  const bool domain = facts != types.end() && facts->second.kind == TypeKind::domain;
  const std::uint32_t base = domain ? facts->second.of : type;
  return base == kTimestamp || base == kTimestamptz;
}

}  // namespace

std::string clock_problem(const Rule& rule, const std::vector<ColumnInfo>& legacy,
                          const std::vector<ColumnInfo>& rewrite, const Pairing& pairing,
                          const Catalog& catalog) {
  for (const auto& entry : rule.source.compare.clock) {
    const std::string& label = entry.first;
    const std::string what = "`clock` names column " + quoted(label);
    const auto called = [&](const ColumnInfo& column) { return column.label == label; };
    const auto count = std::ranges::count_if(legacy, called);
    if (count == 0) return what + ", which legacy does not have";
    if (count > 1) return what + ", which legacy has several times";
    const auto place =
        static_cast<std::size_t>(std::ranges::find_if(legacy, called) - legacy.begin());
    const auto pair = std::ranges::find(pairing.pairs, place, &ColumnPair::legacy);
    if (pair == pairing.pairs.end()) return what + ", which is not compared";
    for (const std::uint32_t type : {legacy[place].type_oid, rewrite[pair->rewrite].type_oid}) {
      if (!is_timestamp(type, catalog.types)) {
        return what + " of type " + type_name(type, catalog) + ": only timestamps have a clock";
      }
    }
  }
  return {};
}

}  // namespace parallax::shadow
