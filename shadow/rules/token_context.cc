#include "shadow/rules/token_context.h"

#include <pg_query/pg_query.pb-c.h>

namespace parallax::shadow {

namespace {

// Reserved words that are expressions by themselves, or end one.
bool ends_expression(int type) {
  switch (type) {
    case PG_QUERY__TOKEN__NULL_P:
    case PG_QUERY__TOKEN__TRUE_P:
    case PG_QUERY__TOKEN__FALSE_P:
    case PG_QUERY__TOKEN__END_P:
    case PG_QUERY__TOKEN__DEFAULT:
    case PG_QUERY__TOKEN__USER:
    case PG_QUERY__TOKEN__CURRENT_CATALOG:
    case PG_QUERY__TOKEN__CURRENT_DATE:
    case PG_QUERY__TOKEN__CURRENT_ROLE:
    case PG_QUERY__TOKEN__CURRENT_TIME:
    case PG_QUERY__TOKEN__CURRENT_TIMESTAMP:
    case PG_QUERY__TOKEN__CURRENT_USER:
    case PG_QUERY__TOKEN__LOCALTIME:
    case PG_QUERY__TOKEN__LOCALTIMESTAMP:
    case PG_QUERY__TOKEN__SESSION_USER:
      return true;
    default:
      return false;
  }
}

bool is_operator(int type) {
  switch (type) {
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '^':
    case PG_QUERY__TOKEN__Op:
      return true;
    default:
      return is_comparison(type);
  }
}

bool equal_fold(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c =
        text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace

bool is_comparison(int type) {
  switch (type) {
    case '=':
    case '<':
    case '>':
    case PG_QUERY__TOKEN__NOT_EQUALS:
    case PG_QUERY__TOKEN__LESS_EQUALS:
    case PG_QUERY__TOKEN__GREATER_EQUALS:
      return true;
    default:
      return false;
  }
}

bool opens_condition(const Token& token) {
  if (token.type == '(' || token.type == ',' || token.type == ';') return true;
  return token.keyword == KeywordKind::reserved && !ends_expression(token.type);
}

bool closes_condition(const Token& token) {
  if (token.type == ')' || token.type == ',' || token.type == ';') return true;
  switch (token.type) {
    case PG_QUERY__TOKEN__COLLATE:  // belong to the value before them
    case PG_QUERY__TOKEN__IN_P:
      return false;
    case PG_QUERY__TOKEN__INNER_P:
    case PG_QUERY__TOKEN__LEFT:
    case PG_QUERY__TOKEN__RIGHT:
    case PG_QUERY__TOKEN__FULL:
    case PG_QUERY__TOKEN__CROSS:
    case PG_QUERY__TOKEN__NATURAL:
    case PG_QUERY__TOKEN__JOIN:
      return true;
    default:
      return token.keyword == KeywordKind::reserved;
  }
}

bool starts_subselect(int type) {
  return type == PG_QUERY__TOKEN__SELECT || type == PG_QUERY__TOKEN__VALUES ||
         type == PG_QUERY__TOKEN__TABLE;
}

bool TokenContext::is_sign(std::size_t i) const {
  if (i == 0) return true;
  const Token& previous = tokens_[i - 1];
  switch (previous.type) {
    case '(':
    case '[':
    case ',':
    case ';':
    case PG_QUERY__TOKEN__BETWEEN:
    case PG_QUERY__TOKEN__LIKE:
    case PG_QUERY__TOKEN__ILIKE:
    case PG_QUERY__TOKEN__BY:
      return true;
    default:
      if (is_operator(previous.type)) return true;
      return previous.keyword == KeywordKind::reserved && !ends_expression(previous.type);
  }
}

bool TokenContext::is_identifier(std::size_t i, std::string_view lower) const {
  if (type(i) != PG_QUERY__TOKEN__IDENT) return false;
  auto text = sql_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
  if (text.size() >= 2 && text.front() == '"') return text.substr(1, text.size() - 2) == lower;
  return equal_fold(text, lower);
}

bool TokenContext::calls_set_config(std::size_t i) const {
  return type(i + 1) == '(' && is_identifier(i, "set_config");
}

bool TokenContext::starts_write(std::size_t i) const {
  const int next = type(i + 1);
  switch (type(i)) {
    case PG_QUERY__TOKEN__INSERT:
    case PG_QUERY__TOKEN__MERGE:
      if (next != PG_QUERY__TOKEN__INTO) return false;
      break;
    case PG_QUERY__TOKEN__DELETE_P:
      if (next != PG_QUERY__TOKEN__FROM) return false;
      break;
    case PG_QUERY__TOKEN__UPDATE:  // a column may have this name; then no table follows
      if (next != PG_QUERY__TOKEN__IDENT && next != PG_QUERY__TOKEN__ONLY &&
          (i + 1 >= tokens_.size() || tokens_[i + 1].keyword == KeywordKind::none ||
           tokens_[i + 1].keyword == KeywordKind::reserved)) {
        return false;
      }
      break;
    default:
      return false;
  }
  switch (before(i)) {
    case 0:
    case ';':
    case '(':
    case ')':
    case PG_QUERY__TOKEN__AS:  // PREPARE p AS INSERT
    case PG_QUERY__TOKEN__ANALYZE:
    case PG_QUERY__TOKEN__EXPLAIN:
    case PG_QUERY__TOKEN__VERBOSE:
      return true;
    default:
      return false;
  }
}

bool TokenContext::creates_temp(std::size_t i) const {
  if (type(i + 1) == '.' && is_identifier(i, "pg_temp")) return true;
  if (type(i) != PG_QUERY__TOKEN__TEMP && type(i) != PG_QUERY__TOKEN__TEMPORARY) return false;
  switch (before(i)) {
    case PG_QUERY__TOKEN__CREATE:
    case PG_QUERY__TOKEN__REPLACE:
    case PG_QUERY__TOKEN__LOCAL:
    case PG_QUERY__TOKEN__GLOBAL:
    case PG_QUERY__TOKEN__INTO:
      return true;
    default:
      return false;
  }
}

}  // namespace parallax::shadow
