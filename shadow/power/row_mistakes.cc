#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "shadow/power/mistakes.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

constexpr std::array<std::string_view, 11> kAggregates = {
    "count",     "sum",       "min",        "max",     "avg",     "json_agg",
    "jsonb_agg", "array_agg", "string_agg", "bool_or", "bool_and"};
// DISTINCT needs types with an order; json and xml have none.
constexpr std::array<std::uint32_t, 2> kWithoutOrder = {114, 142};

bool equal_fold(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

class RowMistakes {
 public:
  RowMistakes(const SqlOutline& sql, const RewriteFacts& facts, Mistakes& mistakes)
      : sql_(sql), facts_(facts), mistakes_(mistakes) {}

  void add() {
    for (std::size_t i = 0; i < sql_.tokens().size(); ++i) {
      if (sql_.is(i, PG_QUERY__TOKEN__JOIN)) turn_join(i);
      if (sql_.is(i, PG_QUERY__TOKEN__UNION)) turn_union(i);
      if (sql_.is(i, PG_QUERY__TOKEN__COALESCE)) forget_default(i);
      if (is_call(i)) confuse_aggregate(i);
    }
    for (const auto& select : sql_.selects()) turn_distinct(select);
  }

 private:
  void add(std::string description, TokenSpan span, std::string text) {
    mistakes_.push_back({std::move(description), {replaced(sql_, span, std::move(text))}});
  }

  bool is_call(std::size_t i) const {
    return sql_.tokens()[i].type == PG_QUERY__TOKEN__IDENT && sql_.is(i + 1, '(');
  }

  // The table behind the word JOIN, up to its condition.
  std::string joined_table(std::size_t join) const {
    std::size_t end = join + 1;
    while (end < sql_.tokens().size() && !sql_.is(end, PG_QUERY__TOKEN__ON) &&
           !sql_.is(end, PG_QUERY__TOKEN__USING))
      end = sql_.after(end);
    return short_sql(sql_.text({join + 1, end}));
  }

  void turn_join(std::size_t join) {
    const bool outer = join > 0 && sql_.is(join - 1, PG_QUERY__TOKEN__OUTER_P);
    const std::size_t side = join - (outer ? 2 : 1);
    if (sql_.is(side, PG_QUERY__TOKEN__LEFT)) {
      if (always_gives_a_row(join)) return;
      return add(concat({"inner join in place of left join ", joined_table(join)}),
                 {side, join + 1}, "inner join");
    }
    for (const int other : {PG_QUERY__TOKEN__RIGHT, PG_QUERY__TOKEN__FULL, PG_QUERY__TOKEN__CROSS,
                            PG_QUERY__TOKEN__NATURAL}) {
      if (sql_.is(side, other)) return;
    }
    const bool inner = sql_.is(join - 1, PG_QUERY__TOKEN__INNER_P);
    add(concat({"left join in place of inner join ", joined_table(join)}),
        {inner ? join - 1 : join, join + 1}, "left join");
  }

  // LEFT JOIN LATERAL (SELECT of an aggregate) ON TRUE: INNER would be the same.
  bool always_gives_a_row(std::size_t join) const {
    const std::size_t bracket = join + (sql_.is(join + 1, PG_QUERY__TOKEN__LATERAL_P) ? 2 : 1);
    if (!sql_.is(bracket, '(')) return false;
    std::size_t on = sql_.after(bracket);
    while (on < sql_.tokens().size() && !sql_.is(on, PG_QUERY__TOKEN__ON)) on = sql_.after(on);
    if (!sql_.is(on + 1, PG_QUERY__TOKEN__TRUE_P)) return false;
    return std::ranges::any_of(sql_.selects(), [&](const SelectOutline& select) {
      return select.span.first == bracket + 1 && !select.grouped && has_aggregate(select);
    });
  }

  void turn_union(std::size_t i) {
    if (sql_.is(i + 1, PG_QUERY__TOKEN__ALL)) {
      add("union in place of union all", {i, i + 2}, "union");
    } else if (sql_.is(i + 1, PG_QUERY__TOKEN__DISTINCT)) {
      add("union all in place of union", {i, i + 2}, "union all");
    } else {
      add("union all in place of union", {i, i + 1}, "union all");
    }
  }

  // The default keeps its place for its type's and its names' sake.
  void forget_default(std::size_t i) {
    if (!sql_.is(i + 1, '(')) return;
    const auto arguments = sql_.members(sql_.inside(i + 1));
    if (arguments.size() < 2 || arguments.back().empty()) return;
    const auto before = sql_.text(arguments[arguments.size() - 2]);
    const auto last = sql_.text(arguments.back());
    add(concat({"without the default of ", short_sql(sql_.text({i, sql_.after(i + 1)}))}),
        arguments.back(), concat({"case when true then (", before, ") else (", last, ") end"}));
  }

  void confuse_aggregate(std::size_t i) {
    const TokenSpan arguments = sql_.inside(i + 1);
    if (arguments.empty()) return;
    const auto name = sql_.text(i);
    const auto call = short_sql(sql_.text({i, sql_.after(i + 1)}));
    if (sql_.is(i + 2, PG_QUERY__TOKEN__DISTINCT))
      add(concat({"without distinct in ", call}), {i + 2, i + 3}, " ");
    if (equal_fold(name, "min")) add(concat({"max in place of ", call}), {i, i + 1}, "max");
    if (equal_fold(name, "max")) add(concat({"min in place of ", call}), {i, i + 1}, "min");
    const bool all = sql_.tokens()[i + 2].type == '*';
    if (equal_fold(name, "count") && !all && !sql_.is(i + 2, PG_QUERY__TOKEN__DISTINCT))
      add(concat({"count(*) in place of ", call}), arguments, "*");
  }

  void turn_distinct(const SelectOutline& select) {
    if (select.distinct)
      return add("without distinct", {*select.distinct, *select.distinct + 1}, " ");
    if (!select.outermost || select.set_operation || !select.select || !may_repeat(select)) return;
    const std::size_t word = *select.select;
    if (sql_.is(word + 1, PG_QUERY__TOKEN__DISTINCT)) return;  // ON
    add("with distinct", {word, word + 1}, "select distinct");
  }

  // Rows of the output could be equal, and DISTINCT could be said of them.
  bool may_repeat(const SelectOutline& select) const {
    if (facts_.columns.empty() || facts_.has_key || facts_.one_row || select.grouped) return false;
    for (const auto& column : facts_.columns) {
      if (std::ranges::find(kWithoutOrder, column.type) != kWithoutOrder.end()) return false;
    }
    return !has_aggregate(select);
  }

  bool has_aggregate(const SelectOutline& select) const {
    return std::ranges::any_of(select.columns, [&](const SelectedColumn& column) {
      for (std::size_t i = column.expression.first; i < column.expression.last; ++i) {
        if (!is_call(i)) continue;
        const auto name = sql_.text(i);
        if (std::ranges::any_of(kAggregates, [&](auto known) { return equal_fold(name, known); }))
          return true;
      }
      return false;
    });
  }

  const SqlOutline& sql_;
  const RewriteFacts& facts_;
  Mistakes& mistakes_;
};

}  // namespace

void add_row_mistakes(const SqlOutline& sql, const RewriteFacts& facts, Mistakes& mistakes) {
  RowMistakes(sql, facts, mistakes).add();
}

}  // namespace parallax::shadow
