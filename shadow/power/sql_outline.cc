#include "shadow/power/sql_outline.h"

#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace parallax::shadow {

namespace {

bool opens(int type) { return type == '(' || type == '[' || type == PG_QUERY__TOKEN__CASE; }
bool closes(int type) { return type == ')' || type == ']' || type == PG_QUERY__TOKEN__END_P; }

}  // namespace

SqlOutline::SqlOutline(std::string_view sql) : sql_(sql) {
  auto scanned = scan_tokens(sql);
  if (auto* tokens = std::get_if<std::vector<Token>>(&scanned)) tokens_ = std::move(*tokens);
  while (!tokens_.empty() && tokens_.back().type == ';') tokens_.pop_back();
  match_brackets();
  read_group({0, tokens_.size()}, true);
}

bool SqlOutline::is(std::size_t i, int type) const {
  if (i >= tokens_.size() || tokens_[i].type != type) return false;
  if (tokens_[i].keyword == KeywordKind::none || i == 0) return true;
  const int before = tokens_[i - 1].type;
  return before != '.' && before != PG_QUERY__TOKEN__AS && !is_name_at(i - 1);
}

std::string_view SqlOutline::text(std::size_t i) const {
  return sql_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
}

std::string_view SqlOutline::text(TokenSpan span) const {
  if (span.empty()) return {};
  const auto begin = tokens_[span.first].begin;
  return sql_.substr(begin, tokens_[span.last - 1].end - begin);
}

std::size_t SqlOutline::after(std::size_t i) const {
  return i < closing_.size() ? closing_[i] + 1 : i + 1;
}

TokenSpan SqlOutline::inside(std::size_t bracket) const {
  return {bracket + 1, std::max(closing_[bracket], bracket + 1)};
}

std::vector<TokenSpan> SqlOutline::members(TokenSpan list) const {
  std::vector<TokenSpan> out;
  std::size_t begin = list.first;
  for (std::size_t i = list.first; i < list.last; i = after(i)) {
    if (tokens_[i].type != ',') continue;
    out.push_back({begin, i});
    begin = i + 1;
  }
  out.push_back({begin, list.last});
  return out;
}

// `:name`, written together.
bool SqlOutline::is_name_at(std::size_t i) const {
  return tokens_[i].type == ':' && i + 1 < tokens_.size() &&
         tokens_[i].end == tokens_[i + 1].begin &&
         (tokens_[i + 1].type == PG_QUERY__TOKEN__IDENT ||
          tokens_[i + 1].keyword != KeywordKind::none);
}

bool SqlOutline::has_name(TokenSpan span) const {
  for (std::size_t i = span.first; i < span.last; ++i) {
    if (is_name_at(i) || tokens_[i].type == PG_QUERY__TOKEN__PARAM) return true;
  }
  return false;
}

bool SqlOutline::has_link(TokenSpan span) const {
  for (std::size_t i = span.first; i + 2 < span.last; ++i) {
    if (is_name_at(i) && tokens_[i + 2].type == '.' && tokens_[i + 2].begin == tokens_[i + 1].end)
      return true;
  }
  return false;
}

void SqlOutline::match_brackets() {
  std::vector<std::size_t> open;
  closing_.resize(tokens_.size());
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    closing_[i] = i;
    if (!is(i, tokens_[i].type)) continue;
    if (opens(tokens_[i].type)) open.push_back(i);
    if (!closes(tokens_[i].type) || open.empty()) continue;
    closing_[open.back()] = i;
    open.pop_back();
  }
}

bool SqlOutline::has_at_level(TokenSpan span, std::initializer_list<int> types) const {
  for (std::size_t i = span.first; i < span.last; i = after(i)) {
    if (std::ranges::any_of(types, [&](int type) { return is(i, type); })) return true;
  }
  return false;
}

// What stands between brackets, or all.
void SqlOutline::read_group(TokenSpan span, bool outermost) {
  const bool is_select = has_at_level(span, {PG_QUERY__TOKEN__SELECT, PG_QUERY__TOKEN__UNION,
                                             PG_QUERY__TOKEN__INTERSECT, PG_QUERY__TOKEN__EXCEPT});
  if (is_select) {
    read_select(span, outermost);
  } else if (has_at_level(span, {PG_QUERY__TOKEN__JOIN})) {
    read_joins(span);
  } else if (is(span.first, PG_QUERY__TOKEN__WHERE)) {
    read_condition({span.first + 1, span.last}, ConditionList::Of::where, false);
  } else {
    // An aggregate's or a window's.
    for (std::size_t i = span.first; i < span.last; i = after(i)) {
      if (is(i, PG_QUERY__TOKEN__ORDER)) read_sort(i, span.last);
    }
  }
  for (std::size_t i = span.first; i < span.last; i = after(i)) {
    if (closing_[i] != i)
      read_group({i + 1, closing_[i]}, outermost && i == span.first && !is_select);
  }
}

bool SqlOutline::begins_clause(std::size_t i) const {
  switch (tokens_[i].type) {
    case PG_QUERY__TOKEN__SELECT:
    case PG_QUERY__TOKEN__WHERE:
    case PG_QUERY__TOKEN__HAVING:
    case PG_QUERY__TOKEN__WINDOW:
    case PG_QUERY__TOKEN__LIMIT:
    case PG_QUERY__TOKEN__OFFSET:
    case PG_QUERY__TOKEN__FETCH:
    case PG_QUERY__TOKEN__FOR:
    case PG_QUERY__TOKEN__UNION:
    case PG_QUERY__TOKEN__INTERSECT:
    case PG_QUERY__TOKEN__EXCEPT:
      return is(i, tokens_[i].type);
    case PG_QUERY__TOKEN__GROUP_P:  // WITHIN GROUP begins none
    case PG_QUERY__TOKEN__ORDER:
      return is(i, tokens_[i].type) && is(i + 1, PG_QUERY__TOKEN__BY);
    case PG_QUERY__TOKEN__FROM:  // nor does IS DISTINCT FROM
      return is(i, PG_QUERY__TOKEN__FROM) && (i == 0 || !is(i - 1, PG_QUERY__TOKEN__DISTINCT));
    default:
      return false;
  }
}

void SqlOutline::read_select(TokenSpan span, bool outermost) {
  SelectOutline select;
  select.span = span;
  select.outermost = outermost;
  std::size_t i = span.first;
  while (i < span.last && !begins_clause(i)) i = after(i);
  while (i < span.last) {
    std::size_t end = after(i);
    while (end < span.last && !begins_clause(end)) end = after(end);
    const TokenSpan body{i + 1, end};
    switch (tokens_[i].type) {
      case PG_QUERY__TOKEN__SELECT:
        if (!select.select) select.select = i;
        if (is(i + 1, PG_QUERY__TOKEN__DISTINCT) && !is(i + 2, PG_QUERY__TOKEN__ON))
          select.distinct = i + 1;
        if (select.columns.empty()) read_columns(body, select);
        break;
      case PG_QUERY__TOKEN__FROM:
        select.joined = select.joined || has_at_level(body, {PG_QUERY__TOKEN__JOIN, ','});
        read_joins(body);
        break;
      case PG_QUERY__TOKEN__WHERE:
      case PG_QUERY__TOKEN__HAVING:
        read_condition(body, ConditionList::Of::where, false);
        break;
      case PG_QUERY__TOKEN__GROUP_P:
        select.grouped = true;
        break;
      case PG_QUERY__TOKEN__ORDER:
        read_sort(i, end);
        break;
      case PG_QUERY__TOKEN__LIMIT:
        if (!body.empty() && !is(i + 1, PG_QUERY__TOKEN__ALL)) select.limit = body;
        break;
      case PG_QUERY__TOKEN__OFFSET:
        if (!body.empty() && !is(body.last - 1, PG_QUERY__TOKEN__ROWS)) select.offset = body;
        break;
      case PG_QUERY__TOKEN__UNION:
      case PG_QUERY__TOKEN__INTERSECT:
      case PG_QUERY__TOKEN__EXCEPT:
        select.set_operation = true;
        break;
      default:
        break;
    }
    i = end;
  }
  selects_.push_back(std::move(select));
}

// `expression`, `expression AS label`, `expression label`.
SelectedColumn SqlOutline::column(TokenSpan span) const {
  SelectedColumn out{span, {}};
  for (std::size_t i = span.first; i < span.last; i = after(i)) {
    if (tokens_[i].type == PG_QUERY__TOKEN__AS && i + 2 == span.last) {
      out.expression.last = i;
      out.alias = text(i + 1);
      return out;
    }
  }
  if (span.last - span.first < 2) return out;
  const int before = tokens_[span.last - 2].type;
  const bool ends_value = before == PG_QUERY__TOKEN__IDENT || before == ')' || before == ']' ||
                          before == PG_QUERY__TOKEN__SCONST || before == PG_QUERY__TOKEN__ICONST;
  if (tokens_[span.last - 1].type != PG_QUERY__TOKEN__IDENT || !ends_value) return out;
  out.alias = text(span.last - 1);
  --out.expression.last;
  return out;
}

void SqlOutline::read_columns(TokenSpan span, SelectOutline& select) const {
  if (is(span.first, PG_QUERY__TOKEN__DISTINCT)) {
    ++span.first;
    if (is(span.first, PG_QUERY__TOKEN__ON)) span.first = after(span.first + 1);
  } else if (is(span.first, PG_QUERY__TOKEN__ALL)) {
    ++span.first;
  }
  if (span.empty()) return;
  for (const TokenSpan& member : members(span)) {
    if (member.empty() || tokens_[member.last - 1].type == '*') return select.columns.clear();
    select.columns.push_back(column(member));
  }
}

// LEFT and RIGHT are functions as well.
bool SqlOutline::begins_join(std::size_t i) const {
  switch (tokens_[i].type) {
    case PG_QUERY__TOKEN__JOIN:
    case PG_QUERY__TOKEN__INNER_P:
    case PG_QUERY__TOKEN__CROSS:
    case PG_QUERY__TOKEN__NATURAL:
      return is(i, tokens_[i].type);
    case PG_QUERY__TOKEN__LEFT:
    case PG_QUERY__TOKEN__RIGHT:
    case PG_QUERY__TOKEN__FULL:
      return is(i + 1, PG_QUERY__TOKEN__JOIN) || is(i + 1, PG_QUERY__TOKEN__OUTER_P);
    default:
      return tokens_[i].type == ',';
  }
}

void SqlOutline::read_joins(TokenSpan span) {
  for (std::size_t i = span.first; i < span.last; i = after(i)) {
    if (!is(i, PG_QUERY__TOKEN__ON)) continue;
    std::size_t end = i + 1;
    while (end < span.last && !begins_join(end) && !is(end, PG_QUERY__TOKEN__ON)) end = after(end);
    read_condition({i + 1, end}, ConditionList::Of::on, false);
  }
}

void SqlOutline::read_condition(TokenSpan span, ConditionList::Of of, bool nested) {
  ConditionList list;
  list.of = of;
  list.nested = nested;
  std::size_t begin = span.first;
  bool between = false;  // its AND is to come
  for (std::size_t i = span.first; i < span.last; i = after(i)) {
    if (is(i, PG_QUERY__TOKEN__BETWEEN)) between = true;
    const bool conjunction = is(i, PG_QUERY__TOKEN__AND);
    if (conjunction && std::exchange(between, false)) continue;
    if (!conjunction && !is(i, PG_QUERY__TOKEN__OR)) continue;
    list.operands.push_back({begin, i});
    list.separators.push_back(i);
    begin = i + 1;
  }
  list.operands.push_back({begin, span.last});
  for (const TokenSpan& operand : list.operands) {
    const auto first = operand.first;
    const bool in_brackets =
        !operand.empty() && tokens_[first].type == '(' && after(first) == operand.last;
    const TokenSpan inner{first + 1, operand.last - 1};
    if (in_brackets && has_at_level(inner, {PG_QUERY__TOKEN__AND, PG_QUERY__TOKEN__OR}))
      read_condition(inner, of, true);
  }
  conditions_.push_back(std::move(list));
}

void SqlOutline::read_sort(std::size_t order, std::size_t last) {
  if (!is(order + 1, PG_QUERY__TOKEN__BY)) return;
  std::size_t end = order + 2;
  // A window's frame.
  while (end < last && !is(end, PG_QUERY__TOKEN__ROWS) && !is(end, PG_QUERY__TOKEN__RANGE) &&
         !is(end, PG_QUERY__TOKEN__GROUPS))
    end = after(end);
  sorts_.push_back({order, members({order + 2, end})});
}

}  // namespace parallax::shadow
