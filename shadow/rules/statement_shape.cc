#include "shadow/rules/statement_shape.h"

#include <pg_query/pg_query.pb-c.h>

#include <charconv>
#include <optional>
#include <utility>

#include "shadow/rules/literal.h"
#include "shadow/rules/token_context.h"
#include "shadow/rules/tokens.h"

namespace parallax::shadow {

namespace {

// In a key: a slot, and the mark before the shape of a list's members. No token of SQL looks like
// them.
constexpr std::string_view kSlotMark = "$";
constexpr std::string_view kListMark = "$*";

constexpr std::uint32_t kParameterMax = 65535;  // Bind counts parameters in 16 bits

// A member of a list is a value, perhaps cast. Longer expressions are no members; it also bounds
// the work on lists within lists.
constexpr std::size_t kMemberElementsMax = 64;

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// What the key is written from: a token, or a slot that covers one to three tokens.
struct Element {
  std::size_t token = 0;     // first token
  std::size_t slot = kNone;  // index into the slots
  bool constant = false;     // a literal that stays in the key with its text
};

class ShapeBuilder {
 public:
  ShapeBuilder(std::string_view sql, ShapeDialect dialect, std::vector<Token> tokens)
      : sql_(sql), dialect_(dialect), tokens_(std::move(tokens)) {}

  std::variant<StatementShape, ShapeError> build() {
    while (!tokens_.empty() && tokens_.back().type == ';') tokens_.pop_back();
    elements_.reserve(tokens_.size());
    for (std::size_t i = 0; i < tokens_.size();) {
      note_flags(i);
      const std::size_t used = read_element(i);
      if (error_) return *error_;
      i += used;
    }
    keep_constant_comparisons();
    write_key();
    return std::move(shape_);
  }

 private:
  int type(std::size_t i) const { return i < tokens_.size() ? tokens_[i].type : 0; }
  std::string_view source(std::size_t i) const {
    return sql_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
  }

  void note_flags(std::size_t i) {
    const TokenContext context(sql_, tokens_);
    shape_.sets_config = shape_.sets_config || context.calls_set_config(i);
    shape_.may_write = shape_.may_write || context.starts_write(i);
    shape_.creates_temp = shape_.creates_temp || context.creates_temp(i);
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
    elements_.push_back({.token = i});
    return 1;
  }

  // A slot of the key, not a constant that stays in it.
  static bool is_value(const Element& element) {
    return element.slot != kNone && !element.constant;
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

  std::size_t add_slot(std::size_t first, std::size_t count, SlotKind kind, LiteralType type,
                       std::string text) {
    elements_.push_back({.token = first, .slot = slots_.size()});
    slots_.push_back({.kind = kind,
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
    slots_.back().number = number;
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
    return add_slot(i, 2, kind, LiteralType::string, std::string(word));
  }

  // `1=1`, `1=0`: how ORMs write "always" and "never", and nobody's value.
  void keep_constant_comparisons() {
    const auto literal = [&](std::size_t e) {
      return elements_[e].slot != kNone && slots_[elements_[e].slot].kind == SlotKind::literal;
    };
    for (std::size_t e = 0; e + 2 < elements_.size(); ++e) {
      if (!literal(e) || elements_[e + 1].slot != kNone || !literal(e + 2)) continue;
      if (!is_comparison(type(elements_[e + 1].token))) continue;
      if (e > 0 && !opens_condition(element_token(e - 1))) continue;
      if (e + 3 < elements_.size() && !closes_condition(element_token(e + 3))) continue;
      elements_[e].constant = true;
      elements_[e + 2].constant = true;
      e += 2;
    }
  }

  // A slot has no token of its own kind here: it neither opens nor closes a condition.
  Token element_token(std::size_t e) const {
    return elements_[e].slot == kNone ? tokens_[elements_[e].token] : Token{};
  }

  void write_key() {
    shape_.key.reserve(sql_.size() + sql_.size() / 4);
    for (std::size_t e = 0; e < elements_.size();) {
      write_element(e);
      const int opener = elements_[e].slot == kNone ? type(elements_[e].token) : 0;
      const int before = e > 0 && elements_[e - 1].slot == kNone ? type(elements_[e - 1].token) : 0;
      const bool in = opener == '(' && before == PG_QUERY__TOKEN__IN_P;
      const bool array = opener == '[' && before == PG_QUERY__TOKEN__ARRAY;
      const std::size_t close = in || array ? find_list(e, array) : kNone;
      e = close == kNone ? e + 1 : close;
    }
  }

  void append(std::string_view part) {
    if (!shape_.key.empty()) shape_.key.push_back(' ');
    shape_.key.append(part);
  }

  void write_element(std::size_t e) {
    const Element& element = elements_[e];
    if (element.slot == kNone) {
      write_token(element.token);
      return;
    }
    Slot& slot = slots_[element.slot];
    if (element.constant) {
      shape_.key.push_back(' ');
      append_constant(shape_.key, slot);
      return;
    }
    append(kSlotMark);
    SlotGroup group;
    group.begin = group.first_member_begin = slot.begin;
    group.end = group.first_member_end = slot.end;
    group.members.push_back(std::move(slot));
    shape_.slots.push_back(std::move(group));
  }

  void write_token(std::size_t i) {
    if (!shape_.key.empty()) shape_.key.push_back(' ');
    append_folded(shape_.key, i);
  }

  // The token as it stands in a key.
  void append_folded(std::string& out, std::size_t i) const {
    const auto text = source(i);
    const std::size_t begin = out.size();
    out.append(text == "!=" ? "<>" : text);  // another spelling of the same operator (scan.l)
    if (text.front() == '"') return;
    for (std::size_t at = begin; at < out.size(); ++at) {
      if (out[at] >= 'A' && out[at] <= 'Z') out[at] = static_cast<char>(out[at] - 'A' + 'a');
    }
  }

  void append_constant(std::string& out, const Slot& slot) const {
    const bool string = slot.literal_type == LiteralType::string;
    out.append(string ? sql_.substr(slot.begin, slot.end - slot.begin)
                      : std::string_view(slot.text));
  }

  struct Member {
    std::size_t first = 0;
    std::size_t last = 0;  // one past
    std::size_t slot = kNone;
  };

  // The member that begins at element e: one slot, at most kMemberElementsMax elements, no
  // subselect.
  std::optional<Member> read_member(std::size_t e) const {
    Member member{.first = e};
    int depth = 0;
    for (; e < elements_.size() && e - member.first <= kMemberElementsMax; ++e) {
      const Element& element = elements_[e];
      if (is_value(element)) {
        if (member.slot != kNone) return std::nullopt;
        member.slot = element.slot;
        continue;
      }
      const int token = element.slot == kNone ? type(element.token) : 0;
      if (token == ';' || starts_subselect(token)) return std::nullopt;
      // WITH of a common table expression, not of `timestamp with time zone`.
      const bool first = e == member.first || type(elements_[e - 1].token) == '(';
      if (first && token == PG_QUERY__TOKEN__WITH) return std::nullopt;
      if (depth == 0 && (token == ',' || token == ')' || token == ']')) break;
      if (token == '(' || token == '[') ++depth;
      if (token == ')' || token == ']') --depth;
    }
    member.last = e;
    const bool whole = e < elements_.size() && e - member.first <= kMemberElementsMax;
    return whole && member.slot != kNone ? std::optional(member) : std::nullopt;
  }

  bool same_shape(const Member& a, const Member& b) const {
    if (a.last - a.first != b.last - b.first) return false;
    for (std::size_t i = 0; i < a.last - a.first; ++i) {
      const Element& one = elements_[a.first + i];
      const Element& other = elements_[b.first + i];
      if (is_value(one) != is_value(other)) return false;
      if (!is_value(one) && key_text(one) != key_text(other)) return false;
    }
    return true;
  }

  std::string key_text(const Element& element) const {
    std::string text;
    if (element.slot == kNone) {
      append_folded(text, element.token);
    } else {
      append_constant(text, slots_[element.slot]);
    }
    return text;
  }

  // The list that begins after the opening bracket at element e, written to the key: returns the
  // element of the closing bracket, or kNone when it is no list.
  std::size_t find_list(std::size_t open, bool array) {
    if (array && open + 1 < elements_.size() && elements_[open + 1].slot == kNone &&
        type(elements_[open + 1].token) == ']') {
      return write_empty_array(open);
    }
    std::vector<Member> members;
    std::size_t e = open + 1;
    while (true) {
      const auto member = read_member(e);
      if (!member || (!members.empty() && !same_shape(members.front(), *member))) return kNone;
      members.push_back(*member);
      e = member->last + 1;
      const int separator = type(elements_[member->last].token);
      if (separator == ',') continue;
      if (separator != (array ? ']' : ')')) return kNone;
      write_list(members, array);
      return member->last;
    }
  }

  std::size_t write_empty_array(std::size_t open) {
    append(kListMark);
    append(kSlotMark);
    SlotGroup group;
    group.list = group.array = true;
    group.begin = group.end = group.first_member_begin = group.first_member_end =
        tokens_[elements_[open].token].end;
    shape_.slots.push_back(std::move(group));
    return open + 1;
  }

  std::size_t begin_of(std::size_t e) const {
    const Element& element = elements_[e];
    return element.slot == kNone ? tokens_[element.token].begin : slots_[element.slot].begin;
  }
  std::size_t end_of(std::size_t e) const {
    const Element& element = elements_[e];
    return element.slot == kNone ? tokens_[element.token].end : slots_[element.slot].end;
  }

  void write_list(const std::vector<Member>& members, bool array) {
    SlotGroup group;
    group.list = true;
    group.array = array;
    const Member& first = members.front();
    group.begin = group.first_member_begin = begin_of(first.first);
    group.first_member_end = end_of(first.last - 1);
    group.end = end_of(members.back().last - 1);
    const Slot& slot = slots_[first.slot];
    const bool only_null = members.size() == 1 && first.last - first.first == 1 &&
                           slot.kind == SlotKind::literal && slot.literal_type == LiteralType::null;
    append(kListMark);
    for (std::size_t e = first.first; e < first.last; ++e) {
      append(is_value(elements_[e]) ? std::string(kSlotMark) : key_text(elements_[e]));
    }
    if (array || !only_null) {  // IN (NULL) is how ORMs write the empty list
      group.members.reserve(members.size());
      for (const Member& member : members) group.members.push_back(std::move(slots_[member.slot]));
    }
    shape_.slots.push_back(std::move(group));
  }

  std::string_view sql_;
  ShapeDialect dialect_;
  std::vector<Token> tokens_;
  std::vector<Element> elements_;
  std::vector<Slot> slots_;
  std::optional<ShapeError> error_;
  StatementShape shape_;
};

}  // namespace

std::variant<StatementShape, ShapeError> shape_of(std::string_view sql, ShapeDialect dialect) {
  auto tokens = scan_tokens(sql);
  if (auto* error = std::get_if<ShapeError>(&tokens)) return std::move(*error);
  return ShapeBuilder(sql, dialect, std::move(std::get<std::vector<Token>>(tokens))).build();
}

}  // namespace parallax::shadow
