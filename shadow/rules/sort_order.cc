#include "shadow/rules/sort_order.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

using Json = nlohmann::json;

const Json& member(const Json& node, const char* key) {
  static const Json none;
  const auto found = node.is_object() ? node.find(key) : node.end();
  return node.is_object() && found != node.end() ? *found : none;
}

std::string text_of(const Json& node, const char* key) {
  const Json& value = member(node, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

// Two expressions are the same wherever they stand in the text.
void remove_places(Json& root) {
  std::vector<Json*> open{&root};
  while (!open.empty()) {
    Json* node = open.back();
    open.pop_back();
    if (node->is_object()) node->erase("location");
    for (Json& child : *node) {
      if (child.is_structured()) open.push_back(&child);
    }
  }
}

Json without_places(const Json& node) {
  Json copy = node;
  if (copy.is_structured()) remove_places(copy);
  return copy;
}

// The names of a.b.c; empty when it is something else, or ends with a star.
std::vector<std::string> names_of(const Json& expression) {
  std::vector<std::string> names;
  for (const Json& field : member(member(expression, "ColumnRef"), "fields")) {
    const std::string name = text_of(member(field, "String"), "sval");
    if (name.empty()) return {};
    names.push_back(name);
  }
  return names;
}

bool is_star(const Json& expression) {
  const Json& fields = member(member(expression, "ColumnRef"), "fields");
  return fields.is_array() && !fields.empty() && fields.back().contains("A_Star");
}

// An integer from 1 on, as it is written.
std::optional<std::size_t> count_of(const Json& expression) {
  const Json& number = member(member(member(expression, "A_Const"), "ival"), "ival");
  if (!number.is_number_integer()) return std::nullopt;
  const auto value = number.get<std::int64_t>();
  if (value < 1) return std::nullopt;
  return static_cast<std::size_t>(value);
}

// $n, also in a cast; else 0.
std::size_t parameter_of(const Json& expression) {
  const Json* inner = &expression;
  while (inner->is_object() && inner->contains("TypeCast"))
    inner = &member(member(*inner, "TypeCast"), "arg");
  const Json& number = member(member(*inner, "ParamRef"), "number");
  return number.is_number_unsigned() ? number.get<std::size_t>() : 0;
}

bool is_null_or_zero(const Json& expression) {
  if (!expression.is_object()) return true;
  const auto& constant = member(expression, "A_Const");
  if (!constant.is_object()) return false;
  if (constant.value("isnull", false)) return true;
  const Json& integer = member(constant, "ival");
  // The tree leaves zeros out: {"ival": {}} is 0.
  return integer.is_object() && member(integer, "ival").is_null();
}

// The select list, as far as it can be counted before the statement has been described.
class SelectList {
 public:
  explicit SelectList(const Json& select) {
    const Json* arm = &select;
    // The columns of a UNION are those of its first arm.
    while (member(*arm, "larg").is_object()) {
      is_union_ = true;
      arm = &member(*arm, "larg");
    }
    for (const Json& item : member(*arm, "targetList")) {
      const Json& target = member(item, "ResTarget");
      const Json& value = member(target, "val");
      only_star_ = is_star(value) && member(member(value, "ColumnRef"), "fields").size() == 1;
      items_.push_back({without_places(value), is_star(value)});
    }
    only_star_ = only_star_ && items_.size() == 1;
  }

  SortKey key(const Json& expression) const {
    SortKey key;
    if (const auto ordinal = count_of(expression)) {
      key.column = *ordinal - 1;
      return key;
    }
    const auto names = names_of(expression);
    // A bare name is an output column's first of all (manual, "ORDER BY Clause"). Of SELECT * every
    // column of the tables is in the output, under its own name.
    if (names.size() == 1 || (only_star_ && !names.empty())) key.label = names.back();
    if (!is_union_) key.column = place_of(without_places(expression));
    return key;
  }

 private:
  struct Item {
    Json value;
    bool star;
  };

  std::optional<std::size_t> place_of(const Json& expression) const {
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].star) return std::nullopt;  // it is not known how many columns that is
      if (items_[i].value == expression) return i;
    }
    return std::nullopt;
  }

  std::vector<Item> items_;
  bool is_union_ = false;
  bool only_star_ = false;
};

bool is_value(const Json& expression) {
  const Json* inner = &expression;
  while (inner->is_object() && inner->contains("TypeCast"))
    inner = &member(member(*inner, "TypeCast"), "arg");
  return inner->is_object() && (inner->contains("ParamRef") || inner->contains("A_Const"));
}

// `column = value`: the column's name; else empty.
std::string equal_column(const Json& condition) {
  const Json& expression = member(condition, "A_Expr");
  const Json& name = member(expression, "name");
  if (text_of(expression, "kind") != "AEXPR_OP" || !name.is_array() || name.size() != 1 ||
      text_of(member(name.front(), "String"), "sval") != "=") {
    return {};
  }
  const Json& left = member(expression, "lexpr");
  const Json& right = member(expression, "rexpr");
  const auto names = names_of(is_value(right) ? left : right);
  return names.empty() || is_value(left) == is_value(right) ? std::string() : names.back();
}

std::vector<std::string> equal_columns_of(const Json& select) {
  const Json& tables = member(select, "fromClause");
  if (!tables.is_array() || tables.size() != 1 || !tables.front().contains("RangeVar")) return {};
  std::vector<std::string> columns;
  std::vector<const Json*> open{&member(select, "whereClause")};
  while (!open.empty()) {
    const Json& condition = *open.back();
    open.pop_back();
    const Json& all = member(condition, "BoolExpr");
    if (text_of(all, "boolop") == "AND_EXPR") {
      for (const Json& one : member(all, "args")) open.push_back(&one);
    } else if (auto column = equal_column(condition); !column.empty()) {
      columns.push_back(std::move(column));
    }
  }
  return columns;
}

std::string wording_of(const Json& expression, const Json& sort) {
  const auto names = names_of(expression);
  if (names.empty()) return {};
  std::string out = names.back();
  const std::string direction = text_of(sort, "sortby_dir");
  if (direction == "SORTBY_DESC") out += " desc";
  if (direction == "SORTBY_USING") return {};
  const std::string nulls = text_of(sort, "sortby_nulls");
  // NULLS LAST is what ASC means, NULLS FIRST what DESC means.
  const bool descending = direction == "SORTBY_DESC";
  if (nulls == "SORTBY_NULLS_FIRST" && !descending) out += " nulls first";
  if (nulls == "SORTBY_NULLS_LAST" && descending) out += " nulls last";
  return out;
}

std::string listed_keys(const SortOrder& order) {
  std::string out;
  for (const SortKey& key : order.keys) {
    if (!out.empty()) out += ", ";
    out += key.wording;
  }
  return out;
}

}  // namespace

std::vector<std::optional<std::size_t>> resolve(std::span<const SortKey> keys,
                                                std::span<const std::string_view> labels) {
  std::vector<std::optional<std::size_t>> out;
  out.reserve(keys.size());
  for (const SortKey& key : keys) {
    const auto count = key.label.empty() ? 0 : std::ranges::count(labels, key.label);
    if (count == 1) {
      out.emplace_back(std::ranges::find(labels, key.label) - labels.begin());
    } else if (count == 0 && key.column && *key.column < labels.size()) {
      out.push_back(key.column);
    } else {
      out.emplace_back();  // not there, or which of several is not known
    }
  }
  return out;
}

SortOrder sort_order_of(const Json& select) {
  SortOrder out;
  const SelectList list(select);
  for (const Json& item : member(select, "sortClause")) {
    const Json& sort = member(item, "SortBy");
    const Json& expression = member(sort, "node");
    SortKey key = list.key(expression);
    key.wording = wording_of(expression, sort);
    out.keys.push_back(std::move(key));
  }
  out.ordered = !out.keys.empty();
  for (const Json& expression : member(select, "distinctClause")) {
    if (expression.empty()) continue;  // a plain DISTINCT
    out.picks = true;
    out.picked_by.push_back(list.key(expression));
  }
  const Json& count = member(select, "limitCount");
  // With WITH TIES no tie is cut. LIMIT 0 cuts everything, and nothing that could differ.
  out.limit_cuts = count.is_object() && !is_null_or_zero(count) &&
                   text_of(select, "limitOption") != "LIMIT_OPTION_WITH_TIES";
  out.limit = count_of(count);
  out.limit_parameter = parameter_of(count);
  out.offset_parameter = parameter_of(member(select, "limitOffset"));
  out.equal_columns = equal_columns_of(select);
  out.offset_cuts = !is_null_or_zero(member(select, "limitOffset"));
  return out;
}

std::string order_warning(const SortOrder& legacy, const SortOrder& rewrite) {
  if (!legacy.ordered) return {};
  if (!rewrite.ordered) {
    return "legacy has an ORDER BY and the rewrite has none: its rows may come in any order. Give "
           "it the same ORDER BY, or write `compare: {order: ignore}` if the order does not matter";
  }
  const auto worded = [](const SortOrder& order) {
    return std::ranges::none_of(order.keys, [](const SortKey& key) { return key.wording.empty(); });
  };
  if (!worded(legacy) || !worded(rewrite)) return {};
  // More keys on the rewrite's side only say what comes first of rows that tie.
  const auto differ =
      std::ranges::mismatch(legacy.keys, rewrite.keys, {}, &SortKey::wording, &SortKey::wording);
  if (differ.in1 == legacy.keys.end()) return {};
  return concat({"legacy is ordered by ", listed_keys(legacy), ", the rewrite by ",
                 listed_keys(rewrite), ": its rows may come in another order"});
}

}  // namespace parallax::shadow
