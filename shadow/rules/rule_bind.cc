// Rule::bind, bind_lets: SQL of a rule with the values of its names, as
// parameters. No value ever becomes part of the text.

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "shadow/rules/array_value.h"
#include "shadow/rules/let_select.h"
#include "shadow/rules/prepared_text.h"
#include "shadow/rules/rewrite_select.h"
#include "shadow/rules/rule.h"
#include "shadow/rules/values.h"

namespace parallax::shadow {

namespace {

class Binder {
 public:
  Binder(std::string_view source, const NamedValues& values) : source_(source), values_(values) {}

  BoundStatement bind(const StatementShape& shape, const RuleStatement* statement = nullptr) {
    for (std::size_t i = 0; i < shape.slots.size(); ++i) {
      const SlotGroup& group = shape.slots[i];
      if (group.members.size() != 1) continue;
      if (statement != nullptr && group.members[0].kind == SlotKind::any) {
        copy_to(group.begin);
        write_parameter(value_of_name(any_name(*statement, i)).members.front());
        at_ = group.end;
        continue;
      }
      if (!is_name(group.members[0])) continue;
      copy_to(group.begin);
      if (group.list) {
        write_list(group);
      } else {
        write_scalar(group.members[0]);
      }
      at_ = group.end;
    }
    copy_to(source_.size());
    return std::move(bound_);
  }

 private:
  void copy_to(std::size_t end) { bound_.sql.append(source_.substr(at_, end - at_)); }

  const NamedValue& value_of_name(std::string_view name) const {
    static const NamedValue null_value{.list = false,
                                       .members = {Value{.null = true, .bytes = {}}}};
    const auto found = values_.find(name);
    return found == values_.end() ? null_value : found->second;
  }

  void write_parameter(Value value) {
    // The server infers the type of a text from its place, as for the ORM that will send it. Binary
    // bytes of which no text can be made mean something only as the type that they were sent as.
    if (value.null) {
      value = Value{.null = true, .bytes = {}};
    } else if (auto text = text_of(value)) {
      value = Value{.bytes = *std::move(text)};
    }
    bound_.parameters.push_back(std::move(value));
    append_parameter(bound_.sql, bound_.parameters.size());
  }

  void write_scalar(const Slot& slot) {
    const NamedValue& value = value_of_name(name_of(slot));
    if (slot.link_dot != 0) {
      write_link(value.members);
    } else if (value.list) {
      write_array(value.members);
    } else if (slot.kind == SlotKind::parameter) {
      write_numbered(slot.number, value.members.front());
    } else {
      write_parameter(value.members.front());
    }
  }

  // `= :parent.column`: as many parents as the snapshot has.
  void write_link(const std::vector<Value>& members) {
    if (members.size() == 1) return write_parameter(members.front());
    separate_word(bound_.sql);
    if (members.empty()) {
      bound_.sql.append("NULL");
      return;
    }
    bound_.sql.append("ANY (");
    write_array(members);
    bound_.sql.push_back(')');
  }

  // `$n` at several places is one parameter, as it was in the text that the rule was copied from.
  void write_numbered(std::uint32_t number, const Value& value) {
    const auto known = numbered_.find(number);
    if (known != numbered_.end()) {
      append_parameter(bound_.sql, known->second);
      return;
    }
    write_parameter(value);
    numbered_.emplace(number, bound_.parameters.size());
  }

  void write_array(const std::vector<Value>& members) {
    if (auto text = array_text(members)) {
      write_parameter(
          Value{.null = false, .binary = false, .type_oid = 0, .bytes = *std::move(text)});
      return;
    }
    separate_word(bound_.sql);
    bound_.sql.append("ARRAY[");  // members in a binary format that is not read go as they came
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0) bound_.sql.append(", ");
      write_parameter(members[i]);
    }
    bound_.sql.push_back(']');
  }

  // The first member's text (`CAST(:x::text AS t)`) once for each member.
  void write_list(const SlotGroup& group) {
    const Slot& slot = group.members[0];
    const auto& members = value_of_name(name_of(slot)).members;
    const auto before =
        source_.substr(group.first_member_begin, slot.begin - group.first_member_begin);
    const auto after = source_.substr(slot.end, group.first_member_end - slot.end);
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0) bound_.sql.append(", ");
      bound_.sql.append(before);
      write_parameter(members[i]);
      bound_.sql.append(after);
    }
    if (members.empty() && !group.array) bound_.sql.append("NULL");
  }

  std::string_view source_;
  const NamedValues& values_;
  std::size_t at_ = 0;
  std::map<std::uint32_t, std::size_t> numbered_;
  BoundStatement bound_;
};

}  // namespace

BoundStatement Rule::bind(Side side, std::size_t statement, const NamedValues& values) const {
  const RuleStatement& written = of(side)[statement];
  auto bound = Binder(written.source.text, values).bind(written.shape, &written);
  if (side == Side::rewrite) bound.sql = with_select(source, std::move(bound.sql));
  return bound;
}

std::vector<BoundStatement> Rule::bind_lets(const NamedValues& values) const {
  std::vector<BoundStatement> bound;
  bound.reserve(lets.size());
  for (const LetValue& let : lets) {
    bound.push_back(Binder(source.let.at(let.name).text, values).bind(let.shape));
    bound.back().sql = let_select(bound.back().sql);
  }
  return bound;
}

}  // namespace parallax::shadow
