#include <array>
#include <string>
#include <utility>

#include "shadow/journal/journal_json.h"
#include "shadow/journal/journal_lines.h"

namespace parallax::shadow {

std::string plans_line(const Rule& rule, const RulePlans& plans, JournalTime time,
                       const KeyedHash& hash) {
  auto line = begin_line("plans", time, rule, hash);
  const std::array sides = {std::pair("legacy_plan", &plans.legacy),
                            std::pair("rewrite_plan", &plans.rewrite)};
  for (const auto& [name, text] : sides) {
    auto plan = JournalJson::parse(*text, nullptr, false);
    if (!plan.is_discarded()) line[name] = std::move(plan);
  }
  for (const auto& [name, plan] : sides) {
    auto text = dumped(line);
    if (text.size() <= kJournalLineBytesMax) return text;
    line.erase(name);
    line["cut"].push_back(name);
  }
  return dumped(line);
}

}  // namespace parallax::shadow
