#include "shadow/learn/value_places.h"

#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <string>
#include <variant>

#include "shadow/rules/tokens.h"

namespace parallax::shadow {

namespace {

// A name as the catalog has it.
std::string name_text(std::string_view token) {
  std::string name;
  if (token.size() >= 2 && token.front() == '"') {
    token = token.substr(1, token.size() - 2);
    for (std::size_t i = 0; i < token.size(); ++i) {
      name.push_back(token[i]);
      if (token[i] == '"') ++i;
    }
    return name;
  }
  for (const char c : token)
    name.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  return name;
}

class PlaceReader {
 public:
  PlaceReader(std::string_view sql, const std::vector<Token>& tokens)
      : sql_(sql), tokens_(tokens) {}

  ValuePlace place(const SlotGroup& group) const {
    ValuePlace place;
    const std::size_t first = index_of(group.begin);
    place.cast = cast_around(group.members.empty() ? first : index_of(group.members[0].begin));
    std::size_t i = first;
    // What a value is wrapped in: brackets, CAST(, ARRAY[, `'%' ||`, IN (.
    while (i > 0 && is_wrapping(i - 1)) --i;
    if (i == 0) return place;
    const int type = tokens_[i - 1].type;
    if (type == PG_QUERY__TOKEN__LIMIT || type == PG_QUERY__TOKEN__OFFSET) {
      place.use = type == PG_QUERY__TOKEN__LIMIT ? ValueUse::limit : ValueUse::offset;
    } else if (is_operator(i - 1)) {
      place.use = use_of(type);
      place.column = column_before(i - 1);
    } else if (type == PG_QUERY__TOKEN__BETWEEN || type == PG_QUERY__TOKEN__AND) {
      read_between(i - 1, place);
    }
    if (place.column.empty() && place.use == ValueUse::plain) place.column = column_after(group);
    return place;
  }

 private:
  int type(std::size_t i) const { return i < tokens_.size() ? tokens_[i].type : 0; }
  std::string_view text(std::size_t i) const {
    return sql_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
  }
  std::size_t index_of(std::size_t byte) const {
    const auto found =
        std::ranges::find_if(tokens_, [byte](const Token& token) { return token.begin >= byte; });
    return static_cast<std::size_t>(found - tokens_.begin());
  }

  bool is_name(std::size_t i) const {
    return i < tokens_.size() && (tokens_[i].type == PG_QUERY__TOKEN__IDENT ||
                                  (tokens_[i].keyword != KeywordKind::none &&
                                   tokens_[i].keyword != KeywordKind::reserved));
  }

  bool is_wrapping(std::size_t i) const {
    switch (type(i)) {
      case '(':
      case '[':
      case PG_QUERY__TOKEN__CAST:
      case PG_QUERY__TOKEN__ARRAY:
      case PG_QUERY__TOKEN__SCONST:
        return true;
      case PG_QUERY__TOKEN__Op:
        return text(i) == "||";
      default:
        return false;
    }
  }

  bool is_operator(std::size_t i) const {
    switch (type(i)) {
      case '=':
      case '<':
      case '>':
      case PG_QUERY__TOKEN__LESS_EQUALS:
      case PG_QUERY__TOKEN__GREATER_EQUALS:
      case PG_QUERY__TOKEN__NOT_EQUALS:
      case PG_QUERY__TOKEN__LIKE:
      case PG_QUERY__TOKEN__ILIKE:
      case PG_QUERY__TOKEN__IN_P:
      case PG_QUERY__TOKEN__Op:
      case PG_QUERY__TOKEN__ANY:
      case PG_QUERY__TOKEN__ALL:
        return true;
      default:
        return false;
    }
  }

  static ValueUse use_of(int type) {
    if (type == '>' || type == PG_QUERY__TOKEN__GREATER_EQUALS) return ValueUse::lower_bound;
    if (type == '<' || type == PG_QUERY__TOKEN__LESS_EQUALS) return ValueUse::upper_bound;
    return ValueUse::plain;
  }

  // The column on the left of the operator at `i`: a name, behind brackets and casts.
  std::string column_before(std::size_t i) const {
    while (i > 0) {
      --i;
      if (type(i) == PG_QUERY__TOKEN__NOT || type(i) == ')' || type(i) == '(' || type(i) == ']' ||
          is_operator(i) || type(i) == PG_QUERY__TOKEN__SCONST) {
        continue;
      }
      if (i > 0 && type(i - 1) == PG_QUERY__TOKEN__TYPECAST) {
        --i;
        continue;
      }
      return is_name(i) ? name_text(text(i)) : std::string();
    }
    return {};
  }

  // `x BETWEEN $1 AND $2`
  void read_between(std::size_t i, ValuePlace& place) const {
    const std::size_t word = i;
    if (type(i) == PG_QUERY__TOKEN__AND) {
      if (i < 2 || type(i - 2) != PG_QUERY__TOKEN__BETWEEN) return;
      i -= 2;
    }
    place.use = word == i ? ValueUse::lower_bound : ValueUse::upper_bound;
    place.column = column_before(i);
  }

  // `$1 = any("tags")`, `$1 = "id"`
  std::string column_after(const SlotGroup& group) const {
    std::size_t i = index_of(group.end);
    while (type(i) == PG_QUERY__TOKEN__TYPECAST || type(i) == ')')
      i += type(i) == ')' ? std::size_t{1} : std::size_t{2};
    if (!is_operator(i)) return {};
    ++i;
    while (type(i) == PG_QUERY__TOKEN__ANY || type(i) == PG_QUERY__TOKEN__ALL || type(i) == '(')
      ++i;
    if (!is_name(i)) return {};
    while (type(i + 1) == '.' && is_name(i + 2)) i += 2;
    return name_text(text(i));
  }

  // The last type that is written around a value: `$1::text AS "public"."Status"`.
  std::string cast_around(std::size_t i) const {
    std::string found;
    for (++i; i < tokens_.size(); ++i) {
      const bool cast = type(i) == PG_QUERY__TOKEN__TYPECAST || type(i) == PG_QUERY__TOKEN__AS;
      if (!cast) break;
      ++i;
      while (type(i + 1) == '.') i += 2;
      if (i < tokens_.size()) found = name_text(text(i));
    }
    return found;
  }

  std::string_view sql_;
  const std::vector<Token>& tokens_;
};

}  // namespace

std::vector<ValuePlace> value_places(std::string_view sql, const StatementShape& shape) {
  std::vector<ValuePlace> places(shape.slots.size());
  const auto scanned = scan_tokens(sql);
  const auto* tokens = std::get_if<std::vector<Token>>(&scanned);
  if (tokens == nullptr) return places;
  const PlaceReader reader(sql, *tokens);
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = reader.place(shape.slots[i]);
  return places;
}

std::vector<std::pair<std::size_t, std::size_t>> select_expressions(std::string_view sql) {
  const auto scanned = scan_tokens(sql);
  const auto* tokens = std::get_if<std::vector<Token>>(&scanned);
  std::vector<std::pair<std::size_t, std::size_t>> found;
  if (tokens == nullptr || tokens->empty() || tokens->front().type != PG_QUERY__TOKEN__SELECT)
    return found;
  std::size_t begin = 1;
  int depth = 0;
  const auto close = [&](std::size_t end) {
    if (end <= begin) return;
    std::size_t last = end;
    for (std::size_t i = begin; i < end; ++i) {
      const bool label = i + 2 == end && (*tokens)[i].type == PG_QUERY__TOKEN__AS;
      if (label) last = i;
    }
    found.emplace_back((*tokens)[begin].begin, (*tokens)[last - 1].end);
  };
  for (std::size_t i = 1; i < tokens->size(); ++i) {
    const int type = (*tokens)[i].type;
    if (type == '(' || type == '[') ++depth;
    if (type == ')' || type == ']') --depth;
    if (depth == 0 && type == PG_QUERY__TOKEN__FROM) {
      close(i);
      return found;
    }
    if (depth == 0 && type == ',') {
      close(i);
      begin = i + 1;
    }
  }
  close(tokens->size());
  return found;
}

}  // namespace parallax::shadow
