#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "shadow/power/mistakes.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

// A token and what may be confused with it.
struct Confused {
  int type;
  std::string_view right;
  std::string_view wrong;
};
constexpr std::array<Confused, 6> kConfused = {{{'<', "<", "<="},
                                                {'>', ">", ">="},
                                                {PG_QUERY__TOKEN__LESS_EQUALS, "<=", "<"},
                                                {PG_QUERY__TOKEN__GREATER_EQUALS, ">=", ">"},
                                                {PG_QUERY__TOKEN__LIKE, "like", "ilike"},
                                                {PG_QUERY__TOKEN__ILIKE, "ilike", "like"}}};

class ConditionMistakes {
 public:
  ConditionMistakes(const SqlOutline& sql, Mistakes& mistakes) : sql_(sql), mistakes_(mistakes) {}

  void add() {
    for (const auto& list : sql_.conditions()) forget_operands(list);
    for (const auto& list : sql_.conditions()) confuse_and(list);
    for (std::size_t i = 0; i < sql_.tokens().size(); ++i) confuse_token(i);
  }

 private:
  void add(std::string description, TokenSpan span, std::string text) {
    mistakes_.push_back({std::move(description), {replaced(sql_, span, std::move(text))}});
  }

  // Something of a table: not TRUE, 1=1 or a name alone.
  bool has_column(TokenSpan operand) const {
    for (std::size_t i = operand.first; i < operand.last; ++i) {
      if (sql_.tokens()[i].type == PG_QUERY__TOKEN__IDENT &&
          (i == 0 || sql_.tokens()[i - 1].type != ':'))
        return true;
    }
    return false;
  }

  // Brackets around operands.
  bool is_list(TokenSpan operand) const {
    return std::ranges::any_of(sql_.conditions(), [&](const ConditionList& list) {
      return list.operands.size() > 1 && list.operands.front().first == operand.first + 1 &&
             list.operands.back().last + 1 == operand.last;
    });
  }

  // What an operand does not decide any more stands there all the same: the planner takes it out,
  // and its names keep their places.
  void forget_operands(const ConditionList& list) {
    const auto count = list.operands.size();
    if (count == 1 && list.of == ConditionList::Of::on) return;  // nobody forgets all of it
    for (std::size_t k = 0; k < count; ++k) {
      const TokenSpan operand = list.operands[k];
      if (operand.empty() || !has_column(operand) || sql_.has_link(operand)) continue;
      if (count == 1 && is_list(operand)) continue;  // its operands are forgotten one by one
      const bool in_and = (k > 0 && is_and(list.separators[k - 1])) ||
                          (k < list.separators.size() && is_and(list.separators[k]));
      const bool alone = count == 1;
      const auto text = sql_.text(operand);
      const std::string_view word = alone ? "where" : in_and ? "and" : "or";
      add(concat({"without ", word, " ", short_sql(text)}), operand,
          concat({"(", text, in_and || alone ? " or true)" : " and false)"}));
    }
  }

  bool is_and(std::size_t separator) const { return sql_.is(separator, PG_QUERY__TOKEN__AND); }

  void confuse_and(const ConditionList& list) {
    // In ON it is the product of two tables.
    if (list.of == ConditionList::Of::on) return;
    for (std::size_t k = 0; k < list.separators.size(); ++k) {
      const std::size_t separator = list.separators[k];
      const TokenSpan operand = list.operands[k + 1];
      if (!is_and(separator) || operand.empty()) continue;
      add(concat({"or in place of and before ", short_sql(sql_.text(operand))}),
          {separator, separator + 1}, "or");
    }
  }

  void confuse_token(std::size_t i) {
    const auto* found = std::ranges::find_if(
        kConfused, [&](const Confused& confused) { return sql_.is(i, confused.type); });
    if (found == kConfused.end()) return;
    add(concat({found->wrong, " in place of ", found->right, around(i)}), {i, i + 1},
        std::string(found->wrong));
  }

  // The smallest operand that it stands in.
  std::string around(std::size_t i) const {
    std::optional<TokenSpan> smallest;
    for (const auto& list : sql_.conditions()) {
      for (const TokenSpan operand : list.operands) {
        if (i < operand.first || i >= operand.last) continue;
        if (!smallest || operand.last - operand.first < smallest->last - smallest->first)
          smallest = operand;
      }
    }
    return smallest ? concat({" in ", short_sql(sql_.text(*smallest))}) : std::string();
  }

  const SqlOutline& sql_;
  Mistakes& mistakes_;
};

}  // namespace

void add_condition_mistakes(const SqlOutline& sql, Mistakes& mistakes) {
  ConditionMistakes(sql, mistakes).add();
}

}  // namespace parallax::shadow
