#include "shadow/rules/rule_compile.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "shadow/rules/concat.h"
#include "shadow/rules/json_names.h"
#include "shadow/rules/let_select.h"
#include "shadow/rules/prepared_text.h"
#include "shadow/rules/rewrite_select.h"
#include "shadow/rules/rule_links.h"
#include "shadow/rules/rule_names.h"
#include "shadow/rules/rule_version.h"
#include "shadow/rules/select_check.h"
#include "shadow/rules/sort_unique.h"

namespace parallax::shadow {

namespace {

bool is_blank(const std::string& text) {
  return text.find_first_not_of(" \t\n\r\f") == std::string::npos;
}

class RuleCompiler {
 public:
  RuleCompiler(const RuleSource& source, std::vector<ConfigProblem>& problems)
      : source_(source), problems_(problems) {}

  std::unique_ptr<Rule> compile() {
    const auto before = problems_.size();
    auto legacy = read_statements(source_.legacy);
    auto rewrite = read_statements(source_.rewrite);
    auto rule = std::make_unique<Rule>();
    const bool lets_good = read_lets(rule->lets);
    if (legacy && rewrite && lets_good) {
      check_names(source_, *legacy, *rewrite, rule->lets, problems_);
    }
    read_side(legacy, Side::legacy);
    read_side(rewrite, Side::rewrite);
    if (legacy) check_json_names(source_, *legacy, problems_);
    if (rewrite) select_over(rewrite->front());
    check_columns();
    check_ordered_statements();
    if (problems_.size() != before) return nullptr;
    rule->legacy = *std::move(legacy);
    rule->rewrite = *std::move(rewrite);
    read_names(*rule);
    for (auto* list : {&functions_, &tables_, &names_}) sort_unique(*list);
    rule->functions = std::move(functions_);
    rule->tables = std::move(tables_);
    rule->names = std::move(names_);
    rule->version = rule_version(source_);
    return rule;
  }

 private:
  void add(const SourceText& text, std::size_t offset, std::string message) {
    problems_.push_back({mark_inside(text.mark, text.text, offset), std::move(message)});
  }

  std::optional<StatementShape> read_shape(const SourceText& text) {
    auto shape = shape_of(text.text, ShapeDialect::rule);
    if (const auto* error = std::get_if<ShapeError>(&shape)) {
      add(text, error->offset, error->message);
      return std::nullopt;
    }
    return std::get<StatementShape>(std::move(shape));
  }

  // As the file has them; nothing when one could not be read.
  std::optional<std::vector<RuleStatement>> read_statements(
      const std::vector<StatementSource>& sources) {
    std::vector<RuleStatement> statements;
    bool good = true;
    for (const StatementSource& source : sources) {
      auto shape = read_shape(source.sql);
      good = good && shape;
      if (!shape) continue;
      statements.emplace_back();
      statements.back().name = source.name;
      statements.back().source = source.sql;
      statements.back().shape = *std::move(shape);
    }
    return good ? std::optional(std::move(statements)) : std::nullopt;
  }

  bool read_lets(std::vector<LetValue>& lets) {
    bool good = true;
    for (const auto& [name, text] : source_.let) {
      auto shape = read_shape(text);
      if (!shape) {
        good = false;
        continue;
      }
      LetValue let{name, *std::move(shape), {}};
      const auto facts = read_select(text, let.shape, kLetBefore, kLetAfter, let.prepared);
      good = good && facts;
      lets.push_back(std::move(let));
    }
    return good;
  }

  // Puts the statements in order, with all that is read of each; nothing when they have problems.
  void read_side(std::optional<std::vector<RuleStatement>>& statements, Side side) {
    if (!statements) return;
    for (RuleStatement& statement : *statements) {
      auto facts = read_select(statement.source, statement.shape, {}, {}, statement.prepared);
      if (!facts) continue;
      statement.order = std::move(facts->order);
      statement.uncast = without_column_casts(statement.prepared);
    }
    statements = link_statements(*std::move(statements), side, problems_);
  }

  // What is replayed may be a SELECT over the rewrite.
  void select_over(RuleStatement& rewrite) {
    const auto before = problems_.size();
    check_rewrite_select(source_, problems_);
    if (source_.compare.select.text.empty() || problems_.size() != before) return;
    rewrite.prepared = with_select(source_, std::move(rewrite.prepared));
    rewrite.uncast = without_column_casts(rewrite.prepared);
    auto checked = check_select(rewrite.prepared);
    if (const auto* facts = std::get_if<SelectFacts>(&checked)) {
      if (facts->order.ordered) rewrite.order = facts->order;
      return take(*facts);
    }
    add(source_.compare.select, 0,
        concat({"over the rewrite: ", std::get<std::vector<SqlProblem>>(checked).front().message}));
  }

  void take(const SelectFacts& facts) {
    functions_.insert(functions_.end(), facts.functions.begin(), facts.functions.end());
    tables_.insert(tables_.end(), facts.tables.begin(), facts.tables.end());
    names_.insert(names_.end(), facts.names.begin(), facts.names.end());
  }

  static void read_names(Rule& rule) {
    rule.reversible = rule.lets.empty();
    for (const RuleStatement& statement : rule.legacy) {
      for (const SlotGroup& group : statement.shape.slots) {
        for (const Slot& slot : group.members) {
          if (slot.kind == SlotKind::any) rule.reversible = false;
          if (group.list && is_name(slot)) rule.lists.insert(name_of(slot));
        }
      }
    }
  }

  // The text stands in the statement between `before` and `after`.
  std::optional<SelectFacts> read_select(const SourceText& text, const StatementShape& shape,
                                         std::string_view before, std::string_view after,
                                         std::string& prepared_sql) {
    const PreparedText prepared = prepare_text(text.text, shape);
    std::string sql = concat({before, prepared.sql, after});
    auto checked = check_select(sql);
    if (const auto* problems = std::get_if<std::vector<SqlProblem>>(&checked)) {
      for (const auto& problem : *problems) {
        const std::size_t place = problem.offset - std::min(problem.offset, before.size());
        const std::size_t offset = prepared.source_offset(place);
        add(text, offset, with_names(problem.message, text.text, shape, offset));
      }
      return std::nullopt;
    }
    auto& facts = std::get<SelectFacts>(checked);
    take(facts);
    facts.order.limit_name = value_name(prepared, facts.order.limit_parameter);
    facts.order.offset_name = value_name(prepared, facts.order.offset_parameter);
    prepared_sql = std::move(sql);
    return std::move(facts);
  }

  // Of $n, as NamedValues have it; empty for `:_`, and for 0.
  static std::string value_name(const PreparedText& prepared, std::size_t number) {
    if (number == 0 || number > prepared.parameters.size()) return {};
    const std::string& spelling = prepared.parameters[number - 1];
    return spelling.starts_with(':') ? spelling.substr(1) : spelling;
  }

  // `syntax error at or near "$1"` speaks of a name that the user wrote otherwise.
  static std::string with_names(std::string message, const std::string& text,
                                const StatementShape& shape, std::size_t offset) {
    const auto quoted = message.find("\"$");
    if (quoted == std::string::npos) return message;
    for (const SlotGroup& group : shape.slots) {
      for (const Slot& slot : group.members) {
        if (slot.begin != offset || slot.kind == SlotKind::literal) continue;
        const auto name = text.substr(slot.begin, slot.end - slot.begin);
        return concat({message.substr(0, quoted), "\"", name, "\""});
      }
    }
    return message;
  }

  void check_ordered_statements() {
    for (const auto& [name, mark] : source_.compare.unordered_statements) {
      if (std::ranges::find(source_.legacy, name, &StatementSource::name) != source_.legacy.end())
        continue;
      problems_.push_back({mark, concat({"`order`: legacy has no statement `", name, "`"})});
    }
  }

  void check_columns() {
    for (const auto& [label, reason] : source_.ignore) {
      if (is_blank(reason.text)) {
        problems_.push_back(
            {reason.mark, concat({"`ignore` of \"", label, "\" needs a reason: say why"})});
      }
      if (const auto both = source_.columns.find(label); both != source_.columns.end()) {
        problems_.push_back(
            {both->second.mark,
             concat({"column \"", label, "\" is under `ignore` as well: remove one of the two"})});
      }
    }
    for (const auto& [label, column] : source_.columns) {
      if (!is_blank(column.text)) continue;
      problems_.push_back(
          {column.mark, concat({"`columns` of \"", label,
                                "\" needs the rewrite's label, table.column or expression"})});
    }
  }

  const RuleSource& source_;
  std::vector<ConfigProblem>& problems_;
  std::vector<std::string> functions_;
  std::vector<std::string> tables_;
  std::vector<std::string> names_;
};

}  // namespace

std::unique_ptr<Rule> compile_rule(RuleSource source, std::uint32_t index,
                                   std::vector<ConfigProblem>& problems) {
  auto rule = RuleCompiler(source, problems).compile();
  if (rule == nullptr) return nullptr;
  rule->index = index;
  rule->name = source.name.text;
  rule->sample = source.sample;
  rule->source = std::move(source);
  return rule;
}

}  // namespace parallax::shadow
