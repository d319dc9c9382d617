#include "shadow/rules/select_list.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "shadow/rules/parse_tree.h"
#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {
namespace {

using Json = nlohmann::json;
using Names = std::map<std::string, int, std::less<>>;

// Parameters that stand for a rule's names; far above any $n of a rule (the protocol has 65535).
constexpr int kFirstNameNumber = 100'000;

// The SELECT that labels the columns; nothing when the text is another statement, or several.
const Json* labelling_select(const Json& tree) {
  const Json* statements = tree_member(&tree, "stmts");
  if (statements == nullptr || !statements->is_array() || statements->size() != 1) return nullptr;
  const Json* select = tree_member(tree_member(&statements->front(), "stmt"), "SelectStmt");
  while (const Json* left = tree_member(select, "larg")) select = left;
  return select;
}

// `*`, `t.*` and `(row).*`: each stands for any number of columns.
bool is_star(const Json& value) {
  const Json* names = tree_member(tree_member(&value, "ColumnRef"), "fields");
  if (names == nullptr) names = tree_member(tree_member(&value, "A_Indirection"), "indirection");
  return names != nullptr && names->is_array() && !names->empty() &&
         names->back().contains("A_Star");
}

// Nothing but a select list.
bool is_bare(const Json* select) {
  if (select == nullptr) return false;
  const auto& parts = select->items();
  return std::all_of(parts.begin(), parts.end(), [](const auto& part) {
    return part.key() == "targetList" || part.key() == "limitOption" ||
           (part.key() == "op" && part.value() == "SETOP_NONE");
  });
}

std::string text_of(const Json& tree) {
  return tree.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The last two names of a column reference; empty for anything else.
std::string table_column_of(const Json& value) {
  const Json* fields = tree_member(tree_member(&value, "ColumnRef"), "fields");
  if (fields == nullptr || !fields->is_array() || fields->size() < 2) return {};
  return text_of(Json::array({(*fields)[fields->size() - 2], fields->back()}));
}

// The text with a parameter in place of each name; empty when it cannot be scanned.
std::string with_numbers(std::string_view sql, Names& names) {
  const auto shape = shape_of(sql, ShapeDialect::rule);
  if (!std::holds_alternative<StatementShape>(shape)) return {};
  std::vector<Slot> slots;
  for (const SlotGroup& group : std::get<StatementShape>(shape).slots) {
    for (const Slot& slot : group.members) {
      if (slot.kind == SlotKind::name || slot.kind == SlotKind::any) slots.push_back(slot);
    }
  }
  std::sort(slots.begin(), slots.end(),
            [](const Slot& a, const Slot& b) { return a.begin < b.begin; });
  std::string out;
  std::size_t copied = 0;
  for (const Slot& slot : slots) {
    const int next = kFirstNameNumber + static_cast<int>(names.size());
    const auto number = names.emplace(sql.substr(slot.begin, slot.end - slot.begin), next);
    out.append(sql.substr(copied, slot.begin - copied));
    out.append("$").append(std::to_string(number.first->second));
    copied = slot.end;
  }
  return out.append(sql.substr(copied));
}

// The expressions of the select list; none when it has a `*` or there is no select list.
std::vector<Json> expressions(const Json* select) {
  const Json* targets = tree_member(select, "targetList");
  if (targets == nullptr || !targets->is_array()) return {};
  std::vector<Json> out;
  for (const Json& target : *targets) {
    const Json* value = tree_member(tree_member(&target, "ResTarget"), "val");
    if (value == nullptr || is_star(*value)) return {};
    out.push_back(*value);
  }
  return out;
}

}  // namespace

SelectList::SelectList(std::string_view sql) {
  const Json tree = parse_tree(with_numbers(sql, names_), TreePlaces::left_out);
  for (const Json& value : expressions(labelling_select(tree))) {
    targets_.push_back({text_of(value), table_column_of(value)});
  }
}

std::vector<std::size_t> SelectList::find(std::string_view expression) const {
  // A name that the rewrite does not know gets a number of its own, and is found nowhere.
  Names names = names_;
  const Json tree =
      parse_tree(with_numbers("SELECT " + std::string(expression), names), TreePlaces::left_out);
  const Json* select = labelling_select(tree);
  const std::vector<Json> wanted = expressions(select);
  if (wanted.size() != 1 || !is_bare(select)) return {};
  const auto indexes_where = [this](auto&& holds) {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      if (holds(targets_[i])) out.push_back(i);
    }
    return out;
  };
  const std::string tree_text = text_of(wanted.front());
  std::vector<std::size_t> out =
      indexes_where([&](const Target& target) { return target.tree == tree_text; });
  const std::string table_column = table_column_of(wanted.front());
  if (!out.empty() || table_column.empty()) return out;
  return indexes_where([&](const Target& target) { return target.table_column == table_column; });
}

}  // namespace parallax::shadow
