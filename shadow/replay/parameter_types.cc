#include "shadow/replay/parameter_types.h"

#include <algorithm>
#include <map>
#include <utility>

#include "shadow/rules/prepared_text.h"

namespace parallax::shadow {

namespace {

using TypesByName = std::map<std::string, std::vector<std::uint32_t>>;

// In order of appearance, each once.
void add_types(const SourceText& text, const StatementShape& shape,
               const std::vector<std::uint32_t>& types, TypesByName& out) {
  const auto names = prepare_text(text.text, shape).parameters;
  for (std::size_t i = 0; i < std::min(names.size(), types.size()); ++i) {
    if (names[i].empty()) continue;
    auto& found = out[names[i]];
    if (std::ranges::find(found, types[i]) == found.end()) found.push_back(types[i]);
  }
}

}  // namespace

std::vector<ParameterTypes> parameter_types(const Rule& rule, const TypesByStatement& legacy,
                                            const TypesByStatement& rewrite) {
  const auto by_name = [](const std::vector<RuleStatement>& side, const TypesByStatement& types) {
    TypesByName found;
    for (std::size_t i = 0; i < types.size(); ++i)
      add_types(side[i].source, side[i].shape, types[i], found);
    return found;
  };
  auto of_legacy = by_name(rule.legacy, legacy);
  auto of_rewrite = by_name(rule.rewrite, rewrite);
  std::vector<ParameterTypes> out;
  for (auto& [name, types] : of_rewrite) {
    const auto found = of_legacy.find(name);
    if (found != of_legacy.end()) out.push_back({name, std::move(found->second), types});
  }
  return out;
}

NameTypes name_types(const std::vector<RuleStatement>& side, const TypesByStatement& types) {
  TypesByName found;
  for (std::size_t i = 0; i < types.size(); ++i)
    add_types(side[i].source, side[i].shape, types[i], found);
  NameTypes out;
  for (const auto& [spelling, all] : found) {
    // As NamedValues have it: "id" of `:id`, "$3".
    if (all.size() == 1) out.emplace(spelling.substr(spelling.starts_with(':') ? 1 : 0), all[0]);
  }
  return out;
}

bool type_values(NamedValues& values, const NameTypes& types) {
  for (auto& [name, value] : values) {
    for (Value& member : value.members) {
      if (!member.binary || member.null || member.type_oid != 0) continue;
      const auto type = types.find(name);
      if (type == types.end()) return false;
      member.type_oid = type->second;
    }
  }
  return true;
}

std::uint32_t member_type(std::uint32_t type_oid, const TypeCatalog& catalog) {
  const auto found = catalog.find(type_oid);
  return found != catalog.end() && found->second.kind == TypeKind::array ? found->second.of
                                                                         : type_oid;
}

}  // namespace parallax::shadow
