#include "shadow/power/rewrite_facts.h"

#include <algorithm>

namespace parallax::shadow {

namespace {

// Its label, where a rule can name the column by it.
std::string nameable(const Rule& rule, const std::vector<ColumnInfo>& columns, std::size_t i) {
  const auto& label = columns[i].label;
  const bool once = std::ranges::count(columns, label, &ColumnInfo::label) == 1;
  return once && !rule.source.ignore.contains(label) ? label : std::string();
}

// No statement of legacy promises a sequence that is compared.
bool is_order_free(const Rule& rule) {
  const auto& compare = rule.source.compare;
  if (compare.order != OrderMode::automatic) return compare.order == OrderMode::ignore;
  return std::ranges::none_of(rule.legacy, [&](const RuleStatement& statement) {
    return statement.order.ordered && !compare.unordered_statements.contains(statement.name);
  });
}

}  // namespace

RewriteFacts facts_of(const Rule& rule, const Verification& verification) {
  RewriteFacts facts;
  // Of several statements it is the root's row; where its children are in JSON, that of the
  // rewrite.
  const bool of_root = rule.legacy.size() == 1 || !rule.source.compare.json.empty();
  facts.one_row = verification.pairing.one_row && of_root;
  facts.order_free = is_order_free(rule);
  facts.has_key = !verification.pairing.key_pairs.empty();
  for (const auto& [name, type] : verification.rewrite_names) facts.names.emplace(name, type);
  const bool one_list = rule.rewrite.size() == 1 && rule.source.compare.json.empty() &&
                        rule.source.compare.select.text.empty();
  if (!one_list) return facts;
  for (const auto& column : verification.rewrite_columns)
    facts.columns.push_back({column.label, column.type_oid, column.table_oid == 0, {}});
  for (const auto& pair : verification.pairing.pairs)
    facts.columns[pair.rewrite].legacy = nameable(rule, verification.legacy_columns, pair.legacy);
  return facts;
}

}  // namespace parallax::shadow
