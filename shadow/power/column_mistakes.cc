#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

#include "shadow/power/mistakes.h"
#include "shadow/rules/concat.h"
#include "shadow/rules/prepared_text.h"
#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {

namespace {

std::string quoted_label(const std::string& label) {
  std::string out = "\"";
  for (const char c : label) out.append(c == '"' ? 2 : 1, c);
  return out.append("\"");
}

constexpr std::array<std::string_view, 4> kJsonBuilders = {
    "json_build_array", "jsonb_build_array", "json_build_object", "jsonb_build_object"};

std::string null_of(std::string_view expression) {
  return concat({"case when false then (", expression, ") end"});
}

// What stands in JSON is a column as well.
void add_json_mistakes(const SqlOutline& sql, Mistakes& mistakes) {
  for (std::size_t i = 0; i < sql.tokens().size(); ++i) {
    const auto* found = std::ranges::find(kJsonBuilders, sql.text(i));
    if (found == kJsonBuilders.end() || !sql.is(i + 1, '(')) continue;
    const auto arguments = sql.members(sql.inside(i + 1));
    const bool keys = found->ends_with("object");
    for (std::size_t k = keys ? 1 : 0; k < arguments.size(); k += keys ? 2 : 1) {
      if (arguments[k].empty()) continue;
      const auto text = sql.text(arguments[k]);
      mistakes.push_back({concat({"NULL in place of ", short_sql(text), " in JSON"}),
                          {replaced(sql, arguments[k], null_of(text))}});
    }
  }
}

class ColumnMistakes {
 public:
  ColumnMistakes(const SqlOutline& sql, const RewriteFacts& facts, Mistakes& mistakes)
      : sql_(sql), facts_(facts), mistakes_(mistakes) {}

  void add() {
    const auto select = std::ranges::find_if(sql_.selects(), &SelectOutline::outermost);
    if (select == sql_.selects().end() || select->set_operation) return;
    if (select->columns.size() != facts_.columns.size()) return;
    const auto& columns = select->columns;
    for (std::size_t i = 0; i < columns.size(); ++i) exchange(columns, i);
    for (std::size_t i = 0; i < columns.size(); ++i) always_null(columns[i], i);
  }

 private:
  // Its own label, where that is one column's.
  std::string label(std::size_t i) const {
    const auto& own = facts_.columns[i].label;
    const auto count = std::ranges::count(facts_.columns, own, &RewriteFacts::Column::label);
    return count == 1 && own != "?column?" ? own
                                           : concat({"parallax column ", std::to_string(i + 1)});
  }

  // What is put in a column's place is no table's column any more: the pair is named.
  TextEdit with_expression(const SelectedColumn& column, std::size_t i,
                           const std::string& expression, Mistake& mistake) const {
    mistake.columns[facts_.columns[i].legacy] = label(i);
    TokenSpan whole = column.expression;
    std::size_t end = sql_.tokens()[whole.last - 1].end;
    if (!column.alias.empty()) end = end_of_alias(whole.last);
    return {sql_.tokens()[whole.first].begin, end,
            concat({expression, " as ", quoted_label(label(i))})};
  }

  // `label` or `AS label`.
  std::size_t end_of_alias(std::size_t i) const {
    const auto& tokens = sql_.tokens();
    const bool with_as = sql_.text(i).size() == 2 && i + 1 < tokens.size() &&
                         tokens[i].keyword == KeywordKind::reserved;
    return tokens[with_as ? i + 1 : i].end;
  }

  void always_null(const SelectedColumn& column, std::size_t i) {
    if (facts_.columns[i].legacy.empty()) return;
    const auto text = sql_.text(column.expression);
    Mistake mistake{concat({"NULL in place of ", short_sql(text)}), {}};
    mistake.edits = {with_expression(column, i, null_of(text), mistake)};
    mistakes_.push_back(std::move(mistake));
  }

  // Of two table columns verification sees it; of expressions only their values tell.
  void exchange(const std::vector<SelectedColumn>& columns, std::size_t i) {
    const auto& one = facts_.columns[i];
    if (!one.expression || one.legacy.empty()) return;
    for (std::size_t k = i + 1; k < columns.size(); ++k) {
      const auto& other = facts_.columns[k];
      if (!other.expression || other.legacy.empty() || other.type != one.type) continue;
      const std::string first(sql_.text(columns[i].expression));
      const std::string second(sql_.text(columns[k].expression));
      Mistake mistake{concat({short_sql(first), " exchanged with ", short_sql(second)}), {}};
      mistake.edits.push_back(with_expression(columns[i], i, second, mistake));
      mistake.edits.push_back(with_expression(columns[k], k, first, mistake));
      mistakes_.push_back(std::move(mistake));
      return;  // with the next one alone
    }
  }

  const SqlOutline& sql_;
  const RewriteFacts& facts_;
  Mistakes& mistakes_;
};

}  // namespace

void add_column_mistakes(const SqlOutline& sql, const RewriteFacts& facts, Mistakes& mistakes) {
  ColumnMistakes(sql, facts, mistakes).add();
  add_json_mistakes(sql, mistakes);
}

void add_name_mistakes(std::string_view sql, const RewriteFacts& facts, Mistakes& mistakes) {
  const auto shape = shape_of(sql, ShapeDialect::rule);
  if (!std::holds_alternative<StatementShape>(shape)) return;
  std::vector<Slot> places;  // of single values
  for (const SlotGroup& group : std::get<StatementShape>(shape).slots) {
    const Slot& slot = group.members.empty() ? Slot{} : group.members.front();
    if (!group.list && is_name(slot) && slot.link_dot == 0) places.push_back(slot);
  }
  std::ranges::sort(places, {}, &Slot::begin);
  std::vector<Slot> names;  // each once
  for (const Slot& place : places) {
    if (std::ranges::find(names, name_of(place), name_of) == names.end()) names.push_back(place);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto type = facts.names.find(name_of(names[i]));
    const auto like = std::find_if(
        names.begin() + static_cast<std::ptrdiff_t>(i) + 1, names.end(), [&](const Slot& other) {
          const auto found = facts.names.find(name_of(other));
          return type != facts.names.end() && found != facts.names.end() &&
                 found->second == type->second;
        });
    if (like == names.end()) continue;
    const auto one = spelling_of(names[i]);
    const auto other = spelling_of(*like);
    Mistake mistake{concat({one, " exchanged with ", other}), {}};
    for (const Slot& place : places) {
      const auto spelling = spelling_of(place);
      if (spelling == one) mistake.edits.push_back({place.begin, place.end, other});
      if (spelling == other) mistake.edits.push_back({place.begin, place.end, one});
    }
    mistakes.push_back(std::move(mistake));
  }
}

}  // namespace parallax::shadow
