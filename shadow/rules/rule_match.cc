// RuleSet::match: a statement's slots and parameters against the rules of its key.

#include <cstddef>
#include <optional>
#include <utility>

#include "shadow/rules/array_value.h"
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

bool same_structure(const RuleStatement& rule, const StatementShape& statement) {
  const auto& slots = rule.shape.slots;
  if (slots.size() != statement.slots.size()) return false;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (rule.link && rule.link->group == i) continue;  // a list, or `= ` one value
    if (slots[i].list != statement.slots[i].list) return false;
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

// What legacy has as a list, or as one value, the rewrite may have the other way: `= any(:ids)`,
// `in (:id)`. False: it cannot be turned.
bool as_in_legacy(NamedValue& value, bool list) {
  if (value.list == list) return true;
  if (!list && value.members.size() != 1) return false;
  if (list) {
    auto members = array_members(value.members.front());
    if (!members) return false;
    value.members = *std::move(members);
  }
  value.list = list;
  return true;
}

// The values of the rule's names, as legacy has them; nothing when a name has two different values
// or a parameter was not given.
class NameBinder {
 public:
  NameBinder(const StatementShape& statement, std::span<const Value> parameters)
      : statement_(statement), parameters_(parameters) {}

  std::optional<NamedValues> bind(const StatementPlace& place) {
    const RuleStatement& written = place.written();
    const auto& groups = written.shape.slots;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (is_any(groups[i]) && written.link) {
        if (!add(any_name(written, i), false, i)) return std::nullopt;
      } else if (is_named(groups[i])) {
        const auto name = name_of(groups[i].members[0]);
        const bool link = groups[i].members[0].link_dot != 0;
        if (!add(name, link || place.rule->lists.contains(name), i, link)) return std::nullopt;
      }
    }
    return std::move(values_);
  }

 private:
  // `link`: one value is a list of one, never an array.
  bool add(std::string name, bool list, std::size_t group, bool link = false) {
    NamedValue value{.list = link || statement_.slots[group].list, .members = {}};
    value.members.reserve(statement_.slots[group].members.size());
    for (const Slot& slot : statement_.slots[group].members) {
      auto member = given_value(slot, parameters_);
      if (!member) return false;
      value.members.push_back(*std::move(member));
    }
    if (!as_in_legacy(value, list)) return false;
    const auto known = values_.find(name);
    if (known != values_.end()) return same_values(known->second, value);
    values_.emplace(std::move(name), std::move(value));
    return true;
  }

  const StatementShape& statement_;
  std::span<const Value> parameters_;
  NamedValues values_;
};

bool fits(const StatementPlace& place, const StatementShape& statement) {
  return same_structure(place.written(), statement);
}

std::optional<NamedValues> values_for(const StatementPlace& place, const StatementShape& statement,
                                      std::span<const Value> parameters) {
  if (!pins_hold(place.written().shape, statement, parameters)) return std::nullopt;
  return NameBinder(statement, parameters).bind(place);
}

}  // namespace

bool same_values(const NamedValue& a, const NamedValue& b) {
  if (a.members.size() != b.members.size()) return false;
  for (std::size_t i = 0; i < a.members.size(); ++i) {
    if (!same_value(a.members[i], b.members[i])) return false;
  }
  return true;
}

Matches RuleSet::match(const KnownText& text, std::span<const Value> parameters) {
  Matches found;
  for (const StatementPlace& place : text.roots) {
    if (!fits(place, text.shape)) continue;
    if (!found.shape_of) found.shape_of = place;
    if (auto values = values_for(place, text.shape, parameters)) {
      found.root = RootMatch{.rule = place.rule, .values = *std::move(values), .side = place.side};
      found.shape_of.reset();
      break;
    }
  }
  for (const StatementPlace& place : text.children) {
    if (!fits(place, text.shape)) continue;
    if (auto values = values_for(place, text.shape, parameters)) {
      found.children.push_back({.place = place, .values = *std::move(values)});
    }
  }
  return found;
}

}  // namespace parallax::shadow
