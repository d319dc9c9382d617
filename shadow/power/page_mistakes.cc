#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <string>
#include <utility>

#include "shadow/power/mistakes.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

class PageMistakes {
 public:
  PageMistakes(const SqlOutline& sql, const RewriteFacts& facts, Mistakes& mistakes)
      : sql_(sql), facts_(facts), mistakes_(mistakes) {}

  void add() {
    for (const auto& sort : sql_.sorts()) add_sort(sort);
    for (const auto& select : sql_.selects()) {
      if (select.limit && !(select.outermost && facts_.one_row)) add_limit(*select.limit);
      if (select.offset) add_offset(*select.offset);
    }
  }

 private:
  void add(std::string description, TokenSpan span, std::string text) {
    mistakes_.push_back({std::move(description), {replaced(sql_, span, std::move(text))}});
  }

  // The sequence of the rows that come out, which nobody compares; without a LIMIT it is no more
  // than that. Of one row there is none.
  bool means_nothing(const SortList& sort) const {
    return std::ranges::any_of(sql_.selects(), [&](const SelectOutline& select) {
      const bool of_output = select.outermost && select.span.first <= sort.order &&
                             sort.order < select.span.last && level_of(select.span, sort.order);
      return of_output &&
             (facts_.one_row || (facts_.order_free && !select.limit && !select.offset));
    });
  }

  // Not in brackets inside the span.
  bool level_of(TokenSpan span, std::size_t at) const {
    std::size_t i = span.first;
    while (i < at) i = sql_.after(i);
    return i == at;
  }

  void add_sort(const SortList& sort) {
    if (means_nothing(sort)) return;
    for (std::size_t k = 0; k < sort.keys.size(); ++k) {
      const TokenSpan key = sort.keys[k];
      if (key.empty()) continue;
      if (!sql_.has_name(key)) forget_key(sort, k);
      turn_direction(key);
      turn_nulls(key);
    }
  }

  void forget_key(const SortList& sort, std::size_t k) {
    TokenSpan gone = sort.keys[k];
    if (sort.keys.size() == 1) {
      gone.first = sort.order;
    } else if (k > 0) {
      --gone.first;  // with the comma before
    } else {
      ++gone.last;
    }
    const auto what = short_sql(sql_.text(sort.keys[k]));
    add(concat({"without order by ", what}), gone, " ");
  }

  // DESC, NULLS and the like stand at the key's end.
  std::size_t find(TokenSpan key, int type) const {
    for (std::size_t i = key.first; i < key.last; i = sql_.after(i)) {
      if (i > key.first && sql_.is(i, type)) return i;
    }
    return key.last;
  }

  void turn_direction(TokenSpan key) {
    const std::size_t descending = find(key, PG_QUERY__TOKEN__DESC);
    const std::size_t ascending = find(key, PG_QUERY__TOKEN__ASC);
    const std::size_t nulls =
        std::min(find(key, PG_QUERY__TOKEN__NULLS_P), find(key, PG_QUERY__TOKEN__NULLS_LA));
    const std::size_t end = std::min({descending, ascending, nulls});
    const TokenSpan expression{key.first, end};
    if (expression.empty() || find(key, PG_QUERY__TOKEN__USING) != key.last) return;
    const std::string_view wrong = descending != key.last ? "asc" : "desc";
    const std::string_view right = descending != key.last ? "desc" : "asc";
    const TokenSpan turned{key.first, std::min(end + (end == nulls ? 0 : 1), key.last)};
    const auto text = sql_.text(expression);
    add(concat({"order by ", short_sql(text), " ", wrong, " in place of ", right}), turned,
        concat({text, " ", wrong}));
  }

  void turn_nulls(TokenSpan key) {
    const std::size_t first = find(key, PG_QUERY__TOKEN__FIRST_P);
    const std::size_t last = find(key, PG_QUERY__TOKEN__LAST_P);
    const std::size_t at = std::min(first, last);
    if (at == key.last) return;
    const std::string_view wrong = at == first ? "last" : "first";
    const TokenSpan before{key.first, at};
    add(concat({"order by ", short_sql(sql_.text(before)), " ", wrong}), {at, at + 1},
        std::string(wrong));
  }

  void add_limit(TokenSpan limit) {
    const auto text = sql_.text(limit);
    add(concat({"without limit ", short_sql(text)}), limit,
        concat({"case when true then null else (", text, ")::bigint end"}));
    add(concat({"one row more than limit ", short_sql(text)}), limit,
        concat({"(", text, ")::bigint + 1"}));
  }

  void add_offset(TokenSpan offset) {
    const auto text = sql_.text(offset);
    if (text == "0") return;
    add(concat({"without offset ", short_sql(text)}), offset, concat({"(", text, ")::bigint * 0"}));
  }

  const SqlOutline& sql_;
  const RewriteFacts& facts_;
  Mistakes& mistakes_;
};

}  // namespace

void add_page_mistakes(const SqlOutline& sql, const RewriteFacts& facts, Mistakes& mistakes) {
  PageMistakes(sql, facts, mistakes).add();
}

}  // namespace parallax::shadow
