#include "shadow/rules/shape_elements.h"

#include <pg_query/pg_query.pb-c.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "shadow/rules/concat.h"
#include "shadow/rules/literal.h"
#include "shadow/rules/token_context.h"

namespace parallax::shadow {

namespace {

constexpr std::uint32_t kParameterMax = 65535;  // Bind counts parameters in 16 bits

class ElementReader {
 public:
  ElementReader(std::string_view sql, ShapeDialect dialect, const std::vector<Token>& tokens)
      : sql_(sql), dialect_(dialect), tokens_(tokens) {}

  std::variant<ShapeElements, ShapeError> read() {
    read_.elements.reserve(tokens_.size());
    for (std::size_t i = 0; i < tokens_.size();) {
      note_flags(i);
      const std::size_t used = read_element(i);
      if (error_) return *std::move(error_);
      i += used;
    }
    keep_constant_comparisons();
    return std::move(read_);
  }

 private:
  int type(std::size_t i) const { return i < tokens_.size() ? tokens_[i].type : 0; }
  std::string_view source(std::size_t i) const {
    return sql_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
  }

  void note_flags(std::size_t i) {
    const TokenContext context(sql_, tokens_);
    read_.sets_config = read_.sets_config || context.calls_set_config(i);
    read_.may_write = read_.may_write || context.starts_write(i);
    read_.creates_temp = read_.creates_temp || context.creates_temp(i);
  }

  // Reads the element at token i; returns how many tokens it took.
  std::size_t read_element(std::size_t i) {
    const int previous = i > 0 ? type(i - 1) : 0;
    switch (type(i)) {
      case PG_QUERY__TOKEN__PARAM:
        return read_parameter(i);
      case PG_QUERY__TOKEN__ICONST:
      case PG_QUERY__TOKEN__FCONST:
        return add_slot(i, 1, SlotKind::literal, LiteralType::number, std::string(source(i)));
      case PG_QUERY__TOKEN__SCONST:
      case PG_QUERY__TOKEN__BCONST:
      case PG_QUERY__TOKEN__XCONST:
      case PG_QUERY__TOKEN__USCONST:
        return read_string(i);
      case PG_QUERY__TOKEN__NULL_P:
      case PG_QUERY__TOKEN__TRUE_P:
      case PG_QUERY__TOKEN__FALSE_P:
        // IS NULL, IS NOT TRUE, NOT FALSE, NOT NULL: part of the condition, no value.
        if (previous == PG_QUERY__TOKEN__IS || previous == PG_QUERY__TOKEN__NOT) break;
        return read_word(i);
      case '-':
      case '+':
        if (is_number(i + 1) && TokenContext(sql_, tokens_).is_sign(i)) return read_signed(i);
        break;
      case ':':
        if (is_name(i)) return read_name(i);
        break;
      default:
        break;
    }
    read_.elements.push_back({.token = i});
    return 1;
  }

  bool is_number(std::size_t i) const {
    return type(i) == PG_QUERY__TOKEN__ICONST || type(i) == PG_QUERY__TOKEN__FCONST;
  }

  bool is_name(std::size_t colon) const {
    if (dialect_ != ShapeDialect::rule || colon + 1 >= tokens_.size()) return false;
    const Token& word = tokens_[colon + 1];
    if (word.begin != tokens_[colon].end) return false;
    if (word.keyword != KeywordKind::none) return true;
    return word.type == PG_QUERY__TOKEN__IDENT && sql_[word.begin] != '"';
  }

  // `:parent.column`, written together.
  bool is_link(std::size_t colon) const {
    const std::size_t dot = colon + 2;
    if (dot + 1 >= tokens_.size() || type(dot) != '.') return false;
    if (tokens_[dot].begin != tokens_[colon + 1].end) return false;
    const Token& column = tokens_[dot + 1];
    return column.begin == tokens_[dot].end &&
           (column.type == PG_QUERY__TOKEN__IDENT || column.keyword != KeywordKind::none);
  }

  std::size_t add_slot(std::size_t first, std::size_t count, SlotKind kind, LiteralType type,
                       std::string text) {
    read_.elements.push_back({.token = first, .slot = read_.slots.size()});
    read_.slots.push_back({.kind = kind,
                           .number = 0,
                           .literal_type = type,
                           .text = std::move(text),
                           .begin = tokens_[first].begin,
                           .end = tokens_[first + count - 1].end});
    return count;
  }

  std::size_t read_parameter(std::size_t i) {
    const auto digits = source(i).substr(1);
    std::uint32_t number = 0;
    const auto [rest, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (failure != std::errc() || number == 0 || number > kParameterMax) {
      error_ = ShapeError{"parameter number out of range", tokens_[i].begin};
      return 1;
    }
    add_slot(i, 1, SlotKind::parameter, LiteralType::string, {});
    read_.slots.back().number = number;
    return 1;
  }

  std::size_t read_string(std::size_t i) {
    char escape = '\\';
    std::size_t count = 1;
    if (type(i) == PG_QUERY__TOKEN__USCONST && type(i + 1) == PG_QUERY__TOKEN__UESCAPE) {
      const auto character =
          type(i + 2) == PG_QUERY__TOKEN__SCONST ? decode_string(source(i + 2)) : std::nullopt;
      if (!character || character->size() != 1) {
        error_ = ShapeError{"UESCAPE needs one character", tokens_[i + 1].begin};
        return 1;
      }
      escape = character->front();
      count = 3;
    }
    // The server goes on with a string after a line comment, libpg_query begins another.
    if (type(i + count) == PG_QUERY__TOKEN__SCONST) {
      error_ = ShapeError{"a string that goes on after a comment is not read", tokens_[i].begin};
      return 1;
    }
    auto text = decode_string(source(i), escape);
    if (!text) {
      error_ = ShapeError{"malformed string constant", tokens_[i].begin};
      return 1;
    }
    return add_slot(i, count, SlotKind::literal, LiteralType::string, *std::move(text));
  }

  std::size_t read_word(std::size_t i) {
    if (type(i) == PG_QUERY__TOKEN__NULL_P) {
      return add_slot(i, 1, SlotKind::literal, LiteralType::null, "null");
    }
    const bool yes = type(i) == PG_QUERY__TOKEN__TRUE_P;
    return add_slot(i, 1, SlotKind::literal, LiteralType::boolean, yes ? "true" : "false");
  }

  std::size_t read_signed(std::size_t i) {
    std::string text(source(i + 1));
    if (type(i) == '-') text.insert(text.begin(), '-');
    return add_slot(i, 2, SlotKind::literal, LiteralType::number, std::move(text));
  }

  std::size_t read_name(std::size_t i) {
    const auto word = source(i + 1);
    const auto kind = word == "_" ? SlotKind::any : SlotKind::name;
    if (kind == SlotKind::any || !is_link(i)) {
      return add_slot(i, 2, kind, LiteralType::string, std::string(word));
    }
    // Labels of columns keep their case, with and without quotes.
    auto column = source(i + 3);
    if (column.starts_with('"')) column = column.substr(1, column.size() - 2);
    add_slot(i, 4, SlotKind::name, LiteralType::string, concat({word, ".", column}));
    read_.slots.back().link_dot = word.size();
    return 4;
  }

  // `1=1`, `1=0`: how ORMs write "always" and "never", and nobody's value.
  void keep_constant_comparisons() {
    const auto literal = [&](std::size_t e) {
      return read_.elements[e].is_slot() &&
             read_.slots[read_.elements[e].slot].kind == SlotKind::literal;
    };
    for (std::size_t e = 0; e + 2 < read_.elements.size(); ++e) {
      if (!literal(e) || read_.elements[e + 1].is_slot() || !literal(e + 2)) continue;
      if (!is_comparison(type(read_.elements[e + 1].token))) continue;
      if (e > 0 && !opens_condition(element_token(e - 1))) continue;
      if (e + 3 < read_.elements.size() && !closes_condition(element_token(e + 3))) continue;
      read_.elements[e].constant = true;
      read_.elements[e + 2].constant = true;
      e += 2;
    }
  }

  // A slot has no token of its own kind here: it neither opens nor closes a condition.
  Token element_token(std::size_t e) const {
    return read_.elements[e].is_slot() ? Token{} : tokens_[read_.elements[e].token];
  }

  std::string_view sql_;
  ShapeDialect dialect_;
  const std::vector<Token>& tokens_;
  ShapeElements read_;
  std::optional<ShapeError> error_;
};

}  // namespace

std::variant<ShapeElements, ShapeError> read_elements(std::string_view sql, ShapeDialect dialect,
                                                      const std::vector<Token>& tokens) {
  return ElementReader(sql, dialect, tokens).read();
}

}  // namespace parallax::shadow
