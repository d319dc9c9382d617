#include "shadow/learn/statement_facts.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "shadow/learn/value_places.h"
#include "shadow/rules/parse_tree.h"
#include "shadow/rules/select_check.h"
#include "shadow/rules/select_list.h"

namespace parallax::shadow {

namespace {

using Json = nlohmann::json;

std::string text_member(const Json* node, const char* key) {
  const Json* value = tree_member(node, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

// The names of a list of String nodes; nothing where something else (a `*`) is among them.
std::optional<std::vector<std::string>> names_of(const Json* fields) {
  std::vector<std::string> names;
  if (fields == nullptr || !fields->is_array()) return std::nullopt;
  for (const Json& field : *fields) {
    const Json* string = tree_member(&field, "String");
    if (string == nullptr) return std::nullopt;
    names.push_back(text_member(string, "sval"));
    if (names.back().empty()) names.back() = text_member(string, "str");
  }
  return names.empty() ? std::nullopt : std::optional(std::move(names));
}

class Reader {
 public:
  explicit Reader(const Json& select) : select_(select) {}

  void read(StatementFacts& facts) {
    if (const Json* from = tree_member(&select_, "fromClause");
        from != nullptr && from->is_array()) {
      for (const Json& item : *from) read_from(item);
    }
    facts.tables = tables_;
    facts.of_catalog = relations_ > 0 && catalogs_ == relations_;
    const Json* targets = tree_member(&select_, "targetList");
    if (targets == nullptr || !targets->is_array()) return;
    for (const Json& target : *targets) {
      auto column = output_column(tree_member(&target, "ResTarget"));
      if (!column) {
        facts.columns.clear();
        return;
      }
      facts.columns.push_back(*std::move(column));
    }
  }

 private:
  void read_from(const Json& item) {
    if (const Json* relation = tree_member(&item, "RangeVar")) {
      const auto table = text_member(relation, "relname");
      const auto alias = text_member(tree_member(relation, "alias"), "aliasname");
      const auto schema = text_member(relation, "schemaname");
      ++relations_;
      if (schema == "pg_catalog" || schema == "information_schema" ||
          (schema.empty() && table.starts_with("pg_")))
        ++catalogs_;
      tables_.push_back(table);
      by_alias_[alias.empty() ? table : alias] = table;
    } else if (const Json* join = tree_member(&item, "JoinExpr")) {
      if (const Json* left = tree_member(join, "larg")) read_from(*left);
      if (const Json* right = tree_member(join, "rarg")) read_from(*right);
    } else if (const Json* derived = tree_member(&item, "RangeSubselect")) {
      ++relations_;
      by_alias_[text_member(tree_member(derived, "alias"), "aliasname")] = "";
      if (const Json* inner = tree_member(tree_member(derived, "subquery"), "SelectStmt")) {
        Reader reader(*inner);
        StatementFacts facts;
        reader.read(facts);
        tables_.insert(tables_.end(), facts.tables.begin(), facts.tables.end());
      }
    } else {
      ++relations_;
    }
  }

  std::optional<OutputColumn> output_column(const Json* target) const {
    const Json* value = tree_member(target, "val");
    if (value == nullptr) return std::nullopt;
    OutputColumn column;
    column.label = text_member(target, "name");
    column.aliased = !column.label.empty();
    if (column.label.empty()) column.label = label_of(*value, 0);
    const Json* plain = value;
    while (const Json* cast = tree_member(plain, "TypeCast")) plain = tree_member(cast, "arg");
    const Json* reference = tree_member(plain, "ColumnRef");
    if (reference == nullptr) return column;
    const auto names = names_of(tree_member(reference, "fields"));
    if (!names) return std::nullopt;
    if (names->size() == 1 && by_alias_.size() == 1) {
      column.table = by_alias_.begin()->second;
    } else if (names->size() > 1) {
      const auto found = by_alias_.find((*names)[names->size() - 2]);
      if (found != by_alias_.end()) column.table = found->second;
    }
    column.column = names->back();
    return column;
  }

  // FigureColname of PostgreSQL, as far as ORMs need it.
  static std::string label_of(const Json& value, int depth) {
    constexpr int kDepthMax = 8;
    if (depth > kDepthMax) return "?column?";
    if (const Json* reference = tree_member(&value, "ColumnRef")) {
      const auto names = names_of(tree_member(reference, "fields"));
      return names ? names->back() : "?column?";
    }
    if (const Json* call = tree_member(&value, "FuncCall")) {
      const auto names = names_of(tree_member(call, "funcname"));
      return names ? names->back() : "?column?";
    }
    if (const Json* cast = tree_member(&value, "TypeCast")) {
      const Json* argument = tree_member(cast, "arg");
      auto inner = argument == nullptr ? "?column?" : label_of(*argument, depth + 1);
      if (inner != "?column?") return inner;
      const auto names = names_of(tree_member(tree_member(cast, "typeName"), "names"));
      return names ? names->back() : "?column?";
    }
    if (tree_member(&value, "CoalesceExpr") != nullptr) return "coalesce";
    if (tree_member(&value, "CaseExpr") != nullptr) return "case";
    if (const Json* link = tree_member(&value, "SubLink")) return label_of_sublink(*link, depth);
    return "?column?";
  }

  static std::string label_of_sublink(const Json& link, int depth) {
    const auto kind = text_member(&link, "subLinkType");
    if (kind == "EXISTS_SUBLINK") return "exists";
    if (kind == "ARRAY_SUBLINK") return "array";
    const Json* targets =
        tree_member(tree_member(tree_member(&link, "subselect"), "SelectStmt"), "targetList");
    if (kind != "EXPR_SUBLINK" || targets == nullptr || targets->empty()) return "?column?";
    const Json* target = tree_member(&targets->front(), "ResTarget");
    const auto name = text_member(target, "name");
    const Json* value = tree_member(target, "val");
    return !name.empty() || value == nullptr ? name : label_of(*value, depth + 1);
  }

  const Json& select_;
  std::vector<std::string> tables_;
  std::map<std::string, std::string> by_alias_;  // empty: not a table
  std::size_t relations_ = 0;
  std::size_t catalogs_ = 0;
};

}  // namespace

StatementFacts statement_facts(std::string_view sql, const StatementShape& shape) {
  StatementFacts facts;
  facts.places = value_places(sql, shape);
  const std::string owned(sql);
  if (!parses(owned)) return facts;
  const Json tree = parse_tree(owned, TreePlaces::kept);
  const Json* statements = tree_member(&tree, "stmts");
  if (statements == nullptr || !statements->is_array() || statements->size() != 1) return facts;
  const Json* select = tree_member(tree_member(&statements->front(), "stmt"), "SelectStmt");
  if (select == nullptr) return facts;
  facts.select = true;
  while (const Json* left = tree_member(select, "larg")) select = left;
  Reader(*select).read(facts);
  const auto expressions = select_expressions(sql);
  if (expressions.size() != facts.columns.size()) return facts;
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    const std::size_t begin = expressions[i].first;
    const std::size_t end = expressions[i].second;
    facts.columns[i].expression = sql.substr(begin, end - begin);
    facts.columns[i].has_slot = std::ranges::any_of(shape.slots, [&](const SlotGroup& group) {
      return group.begin >= begin && group.end <= end && group.begin != group.end;
    });
  }
  return facts;
}

}  // namespace parallax::shadow
