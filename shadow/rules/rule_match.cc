// RuleSet::match: a statement's slots and parameters against the rules of its key.

#include <cstddef>
#include <optional>
#include <utility>

#include "shadow/rules/prepared_text.h"
#include "shadow/rules/rule.h"
#include "shadow/rules/values.h"

namespace parallax::shadow {

namespace {

// What stands in a statement's slot; nothing for a parameter that Bind did not give.
std::optional<Value> given_value(const Slot& slot, std::span<const Value> parameters) {
  switch (slot.kind) {
    case SlotKind::parameter:
      if (slot.number == 0 || slot.number > parameters.size()) return std::nullopt;
      return parameters[slot.number - 1];
    case SlotKind::literal:
      return value_of(slot);
    case SlotKind::name:
    case SlotKind::any:
      return std::nullopt;  // only rules have them
  }
  return std::nullopt;
}

bool pin_holds_slot(const Slot& pin, const Slot& given, std::span<const Value> parameters) {
  if (given.kind == SlotKind::parameter) {
    return given.number >= 1 && given.number <= parameters.size() &&
           pin_holds(pin, parameters[given.number - 1]);
  }
  return pin_holds(pin, value_of(given));
}

bool is_named(const SlotGroup& group) {
  return group.members.size() == 1 && is_name(group.members[0]);
}

bool is_any(const SlotGroup& group) {
  return group.members.size() == 1 && group.members[0].kind == SlotKind::any;
}

bool same_structure(const StatementShape& rule, const StatementShape& statement) {
  if (rule.slots.size() != statement.slots.size()) return false;
  for (std::size_t i = 0; i < rule.slots.size(); ++i) {
    if (rule.slots[i].list != statement.slots[i].list) return false;
  }
  return true;
}

bool pins_hold(const StatementShape& rule, const StatementShape& statement,
               std::span<const Value> parameters) {
  for (std::size_t i = 0; i < rule.slots.size(); ++i) {
    const SlotGroup& pins = rule.slots[i];
    const SlotGroup& given = statement.slots[i];
    if (is_named(pins) || is_any(pins)) continue;
    if (pins.members.size() != given.members.size()) return false;
    for (std::size_t m = 0; m < pins.members.size(); ++m) {
      if (!pin_holds_slot(pins.members[m], given.members[m], parameters)) return false;
    }
  }
  return true;
}

bool same_values(const NamedValue& a, const NamedValue& b) {
  if (a.members.size() != b.members.size()) return false;
  for (std::size_t i = 0; i < a.members.size(); ++i) {
    if (!same_value(a.members[i], b.members[i])) return false;
  }
  return true;
}

// The values of the rule's names; nothing when a name has two different values or a parameter was
// not given.
std::optional<NamedValues> bind_names(const StatementShape& rule, const StatementShape& statement,
                                      std::span<const Value> parameters) {
  NamedValues values;
  for (std::size_t i = 0; i < rule.slots.size(); ++i) {
    if (!is_named(rule.slots[i])) continue;
    NamedValue value{.list = rule.slots[i].list, .members = {}};
    value.members.reserve(statement.slots[i].members.size());
    for (const Slot& slot : statement.slots[i].members) {
      auto member = given_value(slot, parameters);
      if (!member) return std::nullopt;
      value.members.push_back(*std::move(member));
    }
    std::string name = name_of(rule.slots[i].members[0]);
    if (const auto known = values.find(name); known != values.end()) {
      if (!same_values(known->second, value)) return std::nullopt;
    } else {
      values.emplace(std::move(name), std::move(value));
    }
  }
  return values;
}

}  // namespace

std::variant<Match, NoMatch> RuleSet::match(const KnownText& text,
                                            std::span<const Value> parameters) const {
  NoMatch none;
  for (const Rule* rule : text.candidates) {
    if (!same_structure(rule->legacy, text.shape)) continue;
    if (none.shape_of == nullptr) none.shape_of = rule;
    if (!pins_hold(rule->legacy, text.shape, parameters)) continue;
    if (auto values = bind_names(rule->legacy, text.shape, parameters)) {
      return Match{.rule = rule, .values = *std::move(values)};
    }
  }
  return none;
}

}  // namespace parallax::shadow
