// rule_skeleton: a rule to be filled in, made from a statement that no rule covers.

#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shadow/rules/concat.h"
#include "shadow/rules/digest.h"
#include "shadow/rules/prepared_text.h"
#include "shadow/rules/rule.h"
#include "shadow/rules/select_check.h"
#include "shadow/rules/tokens.h"

namespace parallax::shadow {

namespace {

constexpr std::size_t kNameHashDigits = 6;
constexpr std::string_view kSqlIndent = "      ";

// Stands where the grammar wants a constant, so that no name can: the rule loads, and matches when
// the value is written.
constexpr std::string_view kUnknownString = "'?'";
constexpr std::string_view kUnknownNumber = "0";

// Types whose name may stand before a constant (`interval '1 day'`) or before modifiers
// (`numeric(10, 2)`).
bool is_type_word(int type) {
  switch (type) {
    case PG_QUERY__TOKEN__BIGINT:
    case PG_QUERY__TOKEN__BIT:
    case PG_QUERY__TOKEN__BOOLEAN_P:
    case PG_QUERY__TOKEN__CHARACTER:
    case PG_QUERY__TOKEN__CHAR_P:
    case PG_QUERY__TOKEN__DEC:
    case PG_QUERY__TOKEN__DECIMAL_P:
    case PG_QUERY__TOKEN__FLOAT_P:
    case PG_QUERY__TOKEN__INTEGER:
    case PG_QUERY__TOKEN__INTERVAL:
    case PG_QUERY__TOKEN__INT_P:
    case PG_QUERY__TOKEN__NCHAR:
    case PG_QUERY__TOKEN__NUMERIC:
    case PG_QUERY__TOKEN__PRECISION:
    case PG_QUERY__TOKEN__REAL:
    case PG_QUERY__TOKEN__SMALLINT:
    case PG_QUERY__TOKEN__TEXT_P:
    case PG_QUERY__TOKEN__TIME:
    case PG_QUERY__TOKEN__TIMESTAMP:
    case PG_QUERY__TOKEN__VARCHAR:
    case PG_QUERY__TOKEN__VARYING:
      return true;
    default:
      return false;
  }
}

bool is_string(int type) {
  return type == PG_QUERY__TOKEN__SCONST || type == PG_QUERY__TOKEN__BCONST ||
         type == PG_QUERY__TOKEN__XCONST || type == PG_QUERY__TOKEN__USCONST;
}

class Skeleton {
 public:
  Skeleton(std::string_view sql, std::vector<Token> tokens, StatementShape shape)
      : sql_(sql), tokens_(std::move(tokens)), shape_(std::move(shape)) {}

  // Nothing when no rule can be made of the statement.
  std::string write() {
    if (tokens_.empty() || !is_select()) return {};
    std::string legacy = legacy_text(true);
    if (unwritable_) return {};
    if (!loads(legacy)) {
      names_.clear();
      list_count_ = parameter_count_ = 0;
      unknown_ = false;
      legacy = legacy_text(false);
      if (!loads(legacy)) return {};
    }
    std::string text = concat({"  ", rule_name(), ":\n"});
    if (unknown_) {
      text += "    # '?' and 0 stand for constants that cannot be names here: write their values\n";
    }
    text.append("    legacy: |\n").append(kSqlIndent).append(legacy).append("\n");
    text.append("    rewrite: |\n").append(kSqlIndent);
    text +=
        "-- Write the statement that replaces it, with the names above; a name that does not "
        "matter: :_ in legacy.\n";
    return text;
  }

 private:
  int type(std::size_t i) const { return i < tokens_.size() ? tokens_[i].type : 0; }
  int before(std::size_t i) const { return i > 0 ? type(i - 1) : 0; }
  std::string_view source(std::size_t begin, std::size_t end) const {
    return sql_.substr(begin, end - begin);
  }

  bool is_select() const {
    switch (type(0)) {
      case PG_QUERY__TOKEN__SELECT:
      case PG_QUERY__TOKEN__WITH:
      case PG_QUERY__TOKEN__VALUES:
      case PG_QUERY__TOKEN__TABLE:
      case '(':
        return true;
      default:
        return false;
    }
  }

  // It is read as a rule, and the statement will be found by it.
  bool loads(const std::string& legacy) const {
    const auto shape = shape_of(legacy, ShapeDialect::rule);
    const auto* read = std::get_if<StatementShape>(&shape);
    return read != nullptr && read->key == shape_.key && parses(prepare_text(legacy, *read).sql);
  }

  // `with_names`: false writes placeholders for all constants, where the first attempt put a name
  // into a bad place.
  std::string legacy_text(bool with_names) {
    with_names_ = with_names;
    find_ordinals();
    std::string text;
    std::size_t group = 0;
    for (std::size_t i = 0; i < tokens_.size();) {
      if (i > 0) write_gap(text, tokens_[i - 1].end, tokens_[i].begin);
      // `a[1:b]`: in a rule a name begins right after a colon.
      if (before(i) == ':' && text.ends_with(':')) text.push_back(' ');
      if (group < shape_.slots.size() && shape_.slots[group].begin == tokens_[i].begin) {
        const SlotGroup& slots = shape_.slots[group++];
        i = write_group(text, slots, i);
        if (slots.begin != slots.end) continue;
      }
      write_token(text, i);
      ++i;
    }
    return text;
  }

  void write_token(std::string& text, std::size_t i) {
    const auto token = source(tokens_[i].begin, tokens_[i].end);
    // A line break inside an identifier is no text of a block scalar; a string that is no slot is
    // compared with another constant, and so part of the key.
    unwritable_ = unwritable_ || is_string(type(i)) ||
                  std::any_of(token.begin(), token.end(), [](char c) { return c >= 0 && c < ' '; });
    append_apart(text, token);
  }

  // `'x'and` are two tokens, `:p1and` would be one.
  static void append_apart(std::string& text, std::string_view part) {
    const char c = part.front();
    if (c == '_' || c < 0 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
        (c >= 'a' && c <= 'z')) {
      separate_word(text);
    }
    text.append(part);
  }

  // Comments may carry values: only that there was space, and lines, is kept.
  void write_gap(std::string& text, std::size_t from, std::size_t to) {
    if (from >= to) return;
    if (source(from, to).find('\n') == std::string_view::npos) {
      text.push_back(' ');
    } else {
      text.append("\n").append(kSqlIndent);
    }
  }

  // Returns the token after the group; of ARRAY[], which has no bytes, that is the closing bracket.
  std::size_t write_group(std::string& text, const SlotGroup& group, std::size_t i) {
    if (group.list) {
      write_list(text, group);
    } else {
      write_scalar(text, group.members[0], i);
    }
    while (i < tokens_.size() && tokens_[i].begin < group.end) ++i;
    return i;
  }

  void write_list(std::string& text, const SlotGroup& group) {
    const std::string name = concat({":list", std::to_string(++list_count_)});
    if (group.members.empty()) {
      text += name;
      return;
    }
    const Slot& slot = group.members[0];
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (token.begin < group.first_member_begin || token.end > group.first_member_end) continue;
      if (i > 0 && token.begin > group.first_member_begin) {
        write_gap(text, tokens_[i - 1].end, token.begin);
      }
      if (token.begin == slot.begin) {
        text += name;
      } else if (token.begin < slot.begin || token.begin >= slot.end) {
        write_token(text, i);
      }
    }
  }

  void write_scalar(std::string& text, const Slot& slot, std::size_t i) {
    if (slot.kind == SlotKind::parameter) {
      auto& name = names_[slot.number];
      if (name.empty()) name = next_name();
      text += name;
      return;
    }
    switch (slot.literal_type) {
      case LiteralType::boolean:
      case LiteralType::null:
        append_apart(text, source(slot.begin, slot.end));
        return;
      case LiteralType::number:
        if (is_structure(i)) {
          append_apart(text, source(slot.begin, slot.end));
        } else {
          append_apart(text, with_names_ ? next_name() : unknown(kUnknownNumber));
        }
        return;
      case LiteralType::string:
        append_apart(text, with_names_ && !is_typed(i) ? next_name() : unknown(kUnknownString));
        return;
    }
  }

  std::string next_name() { return concat({":p", std::to_string(++parameter_count_)}); }
  std::string unknown(std::string_view placeholder) {
    unknown_ = true;
    return std::string(placeholder);
  }

  // `date '2024-01-01'`: the grammar wants a constant after the type.
  bool is_typed(std::size_t i) const {
    if (type(i) == PG_QUERY__TOKEN__USCONST) return false;
    if (before(i) == PG_QUERY__TOKEN__IDENT || is_type_word(before(i))) return true;
    return before(i) == PG_QUERY__TOKEN__ZONE && i >= 3 && type(i - 3) == PG_QUERY__TOKEN__WITH;
  }

  // Numbers that say how, not what: LIMIT, OFFSET, ORDER BY 1, numeric(10, 2).
  bool is_structure(std::size_t i) const {
    switch (before(i)) {
      case PG_QUERY__TOKEN__LIMIT:
      case PG_QUERY__TOKEN__OFFSET:
      case PG_QUERY__TOKEN__FIRST_P:
      case PG_QUERY__TOKEN__NEXT:
        return true;
      default:
        return is_type_modifier(i) || std::binary_search(ordinals_.begin(), ordinals_.end(), i);
    }
  }

  bool is_type_modifier(std::size_t i) const {
    while (i >= 2 && before(i) == ',' && type(i - 2) == PG_QUERY__TOKEN__ICONST) i -= 2;
    if (i < 2 || before(i) != '(') return false;
    const int word = type(i - 2);
    if (is_type_word(word)) return true;
    return word == PG_QUERY__TOKEN__IDENT && i >= 3 && type(i - 3) == PG_QUERY__TOKEN__TYPECAST;
  }

  // Tokens that are positions of columns: a number alone between BY, commas and the end of its
  // clause.
  void find_ordinals() {
    ordinals_.clear();
    std::vector<bool> in_by{false};
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (token.type == '(' || token.type == '[') in_by.push_back(false);
      if ((token.type == ')' || token.type == ']') && in_by.size() > 1) in_by.pop_back();
      if (token.type == PG_QUERY__TOKEN__BY) in_by.back() = true;
      const bool direction =
          token.type == PG_QUERY__TOKEN__ASC || token.type == PG_QUERY__TOKEN__DESC;
      if (token.keyword == KeywordKind::reserved && !direction) in_by.back() = false;
      const bool starts = before(i) == PG_QUERY__TOKEN__BY || before(i) == ',';
      if (token.type == PG_QUERY__TOKEN__ICONST && in_by.back() && starts && ends_item(i + 1)) {
        ordinals_.push_back(i);
      }
    }
  }

  bool ends_item(std::size_t i) const {
    if (i >= tokens_.size()) return true;
    switch (type(i)) {
      case ',':
      case ')':
      case ';':
      case PG_QUERY__TOKEN__NULLS_P:
      case PG_QUERY__TOKEN__ROWS:
      case PG_QUERY__TOKEN__RANGE:
      case PG_QUERY__TOKEN__GROUPS:
        return true;
      default:
        return tokens_[i].keyword == KeywordKind::reserved;
    }
  }

  // The first table and a few digits of the key: readable, and another statement's is another name.
  std::string rule_name() const {
    std::string table = "query";
    for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) {
      if (type(i) != PG_QUERY__TOKEN__FROM || type(i + 1) == '(') continue;
      std::size_t last = i + 1;
      while (type(last + 1) == '.' && last + 2 < tokens_.size()) last += 2;
      table = plain_name(source(tokens_[last].begin, tokens_[last].end));
      break;
    }
    return concat({table, ".", sha256_prefix(shape_.key, kNameHashDigits)});
  }

  // A plain YAML key whatever the table is called; the end of the name carries the hash.
  static std::string plain_name(std::string_view word) {
    std::string name;
    for (const char c : word) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      const bool digit = c >= '0' && c <= '9';
      if (letter || c == '_' || (digit && !name.empty())) name.push_back(c);
    }
    return name.empty() ? "query" : name;
  }

  std::string_view sql_;
  std::vector<Token> tokens_;
  StatementShape shape_;
  bool with_names_ = true;
  bool unknown_ = false;
  bool unwritable_ = false;
  std::size_t list_count_ = 0;
  std::size_t parameter_count_ = 0;
  std::map<std::uint32_t, std::string> names_;  // of parameters: one that occurs twice is one name
  std::vector<std::size_t> ordinals_;
};

}  // namespace

std::string rule_skeleton(std::string_view sql) {
  sql = without_outer_comments(sql);
  auto shape = shape_of(sql, ShapeDialect::statement);
  auto tokens = scan_tokens(sql);
  if (std::holds_alternative<ShapeError>(shape) || std::holds_alternative<ShapeError>(tokens)) {
    return {};
  }
  return Skeleton(sql, std::get<std::vector<Token>>(std::move(tokens)),
                  std::get<StatementShape>(std::move(shape)))
      .write();
}

}  // namespace parallax::shadow
