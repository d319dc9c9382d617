#include "shadow/rules/statement_shape.h"

#include <pg_query/pg_query.pb-c.h>

#include <optional>
#include <utility>

#include "shadow/rules/shape_elements.h"
#include "shadow/rules/token_context.h"
#include "shadow/rules/tokens.h"

namespace parallax::shadow {

namespace {

// In a key: a slot, and the mark before the shape of a list's members. No token of SQL looks like
// them.
constexpr std::string_view kSlotMark = "$";
constexpr std::string_view kListMark = "$*";

// A member of a list is a value, perhaps cast. Longer expressions are no members; it also bounds
// the work on lists within lists.
constexpr std::size_t kMemberElementsMax = 64;

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

class KeyWriter {
 public:
  KeyWriter(std::string_view sql, const std::vector<Token>& tokens, ShapeElements read)
      : sql_(sql),
        tokens_(tokens),
        elements_(std::move(read.elements)),
        slots_(std::move(read.slots)) {
    shape_.sets_config = read.sets_config;
    shape_.may_write = read.may_write;
    shape_.creates_temp = read.creates_temp;
  }

  StatementShape write() {
    write_key();
    shape_.key.shrink_to_fit();  // it is kept, and long literals are not in it
    return std::move(shape_);
  }

 private:
  std::string_view source(std::size_t i) const {
    return sql_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
  }
  // 0 for a slot.
  int token_type(std::size_t e) const {
    return elements_[e].is_slot() ? 0 : tokens_[elements_[e].token].type;
  }

  void write_key() {
    shape_.key.reserve(sql_.size() + sql_.size() / 4);
    for (std::size_t e = 0; e < elements_.size();) {
      write_element(e);
      const int opener = token_type(e);
      const int before = e > 0 ? token_type(e - 1) : 0;
      const bool in = opener == '(' && before == PG_QUERY__TOKEN__IN_P;
      const bool array = opener == '[' && before == PG_QUERY__TOKEN__ARRAY;
      const std::size_t close = in || array ? find_list(e, array) : kNone;
      e = close == kNone ? e + 1 : close;
    }
  }

  void separate() {
    if (!shape_.key.empty()) shape_.key.push_back(' ');
  }
  void append(std::string_view part) {
    separate();
    shape_.key.append(part);
  }

  void write_element(std::size_t e) {
    const Element& element = elements_[e];
    if (!element.is_slot()) {
      write_token(element.token);
      return;
    }
    Slot& slot = slots_[element.slot];
    if (element.constant) {
      separate();
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
    separate();
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
      if (element.is_value()) {
        if (member.slot != kNone) return std::nullopt;
        member.slot = element.slot;
        continue;
      }
      const int token = token_type(e);
      if (token == ';' || starts_subselect(token)) return std::nullopt;
      // WITH of a common table expression, not of `timestamp with time zone`.
      const bool first = e == member.first || token_type(e - 1) == '(';
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
      if (one.is_value() != other.is_value()) return false;
      if (!one.is_value() && key_text(one) != key_text(other)) return false;
    }
    return true;
  }

  std::string key_text(const Element& element) const {
    std::string text;
    if (!element.is_slot()) {
      append_folded(text, element.token);
    } else {
      append_constant(text, slots_[element.slot]);
    }
    return text;
  }

  // The list that begins after the opening bracket at element e, written to the key: returns the
  // element of the closing bracket, or kNone when it is no list.
  std::size_t find_list(std::size_t open, bool array) {
    if (array && open + 1 < elements_.size() && token_type(open + 1) == ']') {
      return write_empty_array(open);
    }
    std::vector<Member> members;
    std::size_t e = open + 1;
    while (true) {
      const auto member = read_member(e);
      if (!member || (!members.empty() && !same_shape(members.front(), *member))) return kNone;
      members.push_back(*member);
      e = member->last + 1;
      const int separator = token_type(member->last);
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
    return element.is_slot() ? slots_[element.slot].begin : tokens_[element.token].begin;
  }
  std::size_t end_of(std::size_t e) const {
    const Element& element = elements_[e];
    return element.is_slot() ? slots_[element.slot].end : tokens_[element.token].end;
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
      append(elements_[e].is_value() ? std::string(kSlotMark) : key_text(elements_[e]));
    }
    if (array || !only_null) {  // IN (NULL) is how ORMs write the empty list
      group.members.reserve(members.size());
      for (const Member& member : members) group.members.push_back(std::move(slots_[member.slot]));
    }
    shape_.slots.push_back(std::move(group));
  }

  std::string_view sql_;
  const std::vector<Token>& tokens_;
  std::vector<Element> elements_;
  std::vector<Slot> slots_;
  StatementShape shape_;
};

}  // namespace

std::variant<StatementShape, ShapeError> shape_of(std::string_view sql, ShapeDialect dialect) {
  auto scanned = scan_tokens(sql);
  if (auto* error = std::get_if<ShapeError>(&scanned)) return std::move(*error);
  auto& tokens = std::get<std::vector<Token>>(scanned);
  while (!tokens.empty() && tokens.back().type == ';') tokens.pop_back();
  auto read = read_elements(sql, dialect, tokens);
  if (auto* error = std::get_if<ShapeError>(&read)) return std::move(*error);
  return KeyWriter(sql, tokens, std::get<ShapeElements>(std::move(read))).write();
}

}  // namespace parallax::shadow
