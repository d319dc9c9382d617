#include "shadow/rules/rule_names.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "shadow/rules/concat.h"
#include "shadow/rules/prepared_text.h"

namespace parallax::shadow {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({replaced, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

// `= any(:ids)`: the name stands for one array.
bool is_array_value(std::string_view sql, const Slot& slot) {
  constexpr std::string_view kSpace = " \t\n\r\f";
  auto before = sql.substr(0, slot.begin);
  const auto trim = [&] { before = before.substr(0, before.find_last_not_of(kSpace) + 1); };
  trim();
  if (!before.ends_with('(')) return false;
  before.remove_suffix(1);
  trim();
  std::string word(before.substr(before.find_last_of(" \t\n\r\f()=<>") + 1));
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return word == "any" || word == "some" || word == "all";
}

bool names_or_any(const Slot& slot) { return slot.kind != SlotKind::literal; }

class NameCheck {
 public:
  NameCheck(const RuleSource& source, std::vector<ConfigProblem>& problems)
      : source_(source), problems_(problems) {}

  void check(const std::vector<RuleStatement>& legacy, const std::vector<RuleStatement>& rewrite,
             const std::vector<LetValue>& lets) {
    bool good = true;
    for (const auto* side : {&legacy, &rewrite}) {
      for (const RuleStatement& statement : *side) {
        good = check_lists(statement.source, statement.shape) && good;
      }
    }
    for (const LetValue& let : lets) {
      good = check_without_links(source_.let.at(let.name), let.shape) && good;
    }
    if (!good) return;
    for (const RuleStatement& statement : legacy) read_legacy(statement);
    std::set<std::string> used;
    for (const RuleStatement& statement : rewrite) check_rewrite(statement, used);
    for (const LetValue& let : lets) check_let(let, used);
    for (const auto& [name, given] : given_) {
      if (used.contains(name)) continue;
      add(*given.text, given.slot->begin,
          concat(
              {"`", spelling_of(*given.slot),
               "` is not used by the rewrite: name it in the rewrite or a `let`, write its value "
               "as a pin, or `:_`"}));
    }
  }

 private:
  struct Given {
    const SourceText* text = nullptr;
    const Slot* slot = nullptr;
    bool list = false;
  };

  void add(const SourceText& text, std::size_t offset, std::string message) {
    problems_.push_back({mark_inside(text.mark, text.text, offset), std::move(message)});
  }

  // What is wrong whatever the other side says.
  bool check_lists(const SourceText& text, const StatementShape& shape) {
    const auto before = problems_.size();
    for (const SlotGroup& group : shape.slots) {
      if (group.list) check_list(text, group);
    }
    return problems_.size() == before;
  }

  bool check_without_links(const SourceText& text, const StatementShape& shape) {
    bool good = check_lists(text, shape);
    for (const SlotGroup& group : shape.slots) {
      for (const Slot& slot : group.members) {
        if (slot.link_dot == 0) continue;
        add(text, slot.begin,
            concat({"`", spelling_of(slot), "` is a link, which stands in statements only"}));
        good = false;
      }
    }
    return good;
  }

  void check_list(const SourceText& text, const SlotGroup& group) {
    const auto& members = group.members;
    const auto any = std::find_if(members.begin(), members.end(),
                                  [](const Slot& slot) { return slot.kind == SlotKind::any; });
    if (any != members.end()) {
      add(text, any->begin,
          "`:_` stands for one value, not for a list: give the list a name, `IN (:ids)`");
      return;
    }
    const auto names = std::count_if(members.begin(), members.end(), names_or_any);
    if (names == 0 || members.size() == 1) return;
    // The first name that has company.
    auto place = std::find_if(members.begin(), members.end(), names_or_any);
    if (names > 1) place = std::find_if(std::next(place), members.end(), names_or_any);
    add(text, place->begin,
        names > 1 ? "two names in one list: a name stands for the whole list, write `IN (:ids)`"
                  : "a name beside constants in one list: a name stands for the whole list, write "
                    "`IN (:ids)`");
  }

  void read_legacy(const RuleStatement& statement) {
    for (const SlotGroup& group : statement.shape.slots) {
      if (group.members.size() != 1 || !is_name(group.members[0])) continue;
      const Slot& slot = group.members[0];
      if (slot.link_dot != 0) continue;
      const auto [known, added] =
          given_.emplace(name_of(slot), Given{&statement.source, &slot, group.list});
      if (added || known->second.list == group.list) continue;
      add(statement.source, slot.begin,
          concat({"`", spelling_of(slot), "` is ",
                  group.list ? "a list here and one value" : "one value here and a list",
                  " elsewhere: use two names"}));
    }
  }

  // Adds the names that the statement uses.
  void check_rewrite(const RuleStatement& rewrite, std::set<std::string>& used) {
    for (const SlotGroup& group : rewrite.shape.slots) {
      if (group.members.size() != 1) continue;
      const Slot& slot = group.members[0];
      if (slot.kind == SlotKind::any) {
        add(rewrite.source, slot.begin,
            "`:_` stands for any value in legacy: the rewrite needs a name or a value here");
      }
      if (!is_name(slot) || slot.link_dot != 0) continue;
      const auto known = given_.find(name_of(slot));
      if (known == given_.end()) {
        if (source_.let.contains(name_of(slot))) {
          used.insert(name_of(slot));
        } else {
          add(rewrite.source, slot.begin, unknown_name(slot, true));
        }
        continue;
      }
      used.insert(known->first);
      const bool array =
          !known->second.list && is_array_value(known->second.text->text, *known->second.slot);
      if (group.list && array) {
        add(rewrite.source, slot.begin,
            concat({"`", spelling_of(slot), "` is one array in legacy: write `= any(",
                    spelling_of(slot), ")` here"}));
      }
    }
  }

  // `used`: names that the rewrite uses; those that the let uses are added.
  void check_let(const LetValue& let, std::set<std::string>& used) {
    const SourceText& text = source_.let.at(let.name);
    if (given_.contains(let.name)) {
      add(text, 0, concat({"`:", let.name, "` is a name of legacy: give the `let` another name"}));
    } else if (!used.contains(let.name)) {
      add(text, 0,
          concat({"`:", let.name,
                  "` is not used by the rewrite: name it there, or remove the "
                  "`let`"}));
    }
    for (const SlotGroup& group : let.shape.slots) {
      for (const Slot& slot : group.members) check_let_slot(text, slot, used);
    }
  }

  void check_let_slot(const SourceText& text, const Slot& slot, std::set<std::string>& used) {
    if (slot.kind == SlotKind::any) {
      add(text, slot.begin,
          "`:_` stands for any value in legacy: a `let` needs a name or a value here");
    }
    if (!is_name(slot)) return;
    if (given_.contains(name_of(slot))) {
      used.insert(name_of(slot));
    } else if (source_.let.contains(name_of(slot))) {
      add(text, slot.begin,
          concat(
              {"`", spelling_of(slot), "` is a `let`: a `let` is made of names of legacy only"}));
    } else {
      add(text, slot.begin, unknown_name(slot, false));
    }
  }

  std::string unknown_name(const Slot& slot, bool lets_too) const {
    std::vector<std::pair<std::string, std::string>> known;  // name, spelling
    for (const auto& [name, given] : given_) known.emplace_back(name, spelling_of(*given.slot));
    if (lets_too) {
      for (const auto& [name, text] : source_.let) known.emplace_back(name, concat({":", name}));
    }
    const std::string message = concat({"legacy gives no `", spelling_of(slot), "`: "});
    if (known.empty()) return concat({message, "it has no names, write a value here"});
    const auto nearest =
        std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
          return edit_distance(a.first, name_of(slot)) < edit_distance(b.first, name_of(slot));
        });
    return concat({message, "did you mean `", nearest->second, "`?"});
  }

  const RuleSource& source_;
  std::vector<ConfigProblem>& problems_;
  std::map<std::string, Given> given_;
};

}  // namespace

void check_names(const RuleSource& source, const std::vector<RuleStatement>& legacy,
                 const std::vector<RuleStatement>& rewrite, const std::vector<LetValue>& lets,
                 std::vector<ConfigProblem>& problems) {
  NameCheck(source, problems).check(legacy, rewrite, lets);
}

}  // namespace parallax::shadow
