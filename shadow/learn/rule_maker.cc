#include "shadow/learn/rule_maker.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "shadow/learn/example_values.h"
#include "shadow/learn/naming.h"
#include "shadow/learn/rule_text.h"
#include "shadow/rules/concat.h"
#include "shadow/rules/values.h"

namespace parallax::shadow {

namespace {

using Place = ValuePosition;

// Sentences about a name, and about calls.
constexpr std::string_view kOneValue =
    "` had one value in all that was seen and the rewrite does not ask for it: write its value as "
    "a pin, or see more traffic";
constexpr std::string_view kVaries =
    "` varies and the rewrite does not ask for it: name it there or in a `let`, write a value as a "
    "pin, or `:_` where it does not matter";
constexpr std::string_view kNoSource =
    "` of the rewrite comes from no value of legacy that was seen: write a `let`, or its value";
constexpr std::string_view kSameValues = " different) gave what legacy gave for the same values; ";

std::string numbered(std::size_t count, std::string_view one, std::string_view many) {
  return concat({std::to_string(count), " ", count == 1 ? one : many});
}

class RuleMaker {
 public:
  RuleMaker(const LearnedSides& sides, const LegacyOperation& operation, const Answer* answer)
      : sides_(sides), operation_(operation), answer_(answer) {
    words_.resize(operation.nodes.size());
    for (std::size_t node = 0; node < words_.size(); ++node)
      words_[node].resize(statement(node).shape.slots.size());
    if (answer != nullptr) rewrite_words_.resize(rewrite().shape.slots.size());
  }

  ProposedRule make() {
    name_statements();
    write_links();
    name_used();
    for (std::size_t node = 0; node < words_.size(); ++node) {
      for (std::size_t slot = 0; slot < words_[node].size(); ++slot)
        if (!words_[node][slot]) settle({node, slot});
    }
    if (answer_ != nullptr) write_rewrite_constants();
    write_texts();
    if (answer_ != nullptr) write_columns();
    tell_evidence();
    return std::move(rule_);
  }

 private:
  const LearnedStatement& statement(std::size_t node) const {
    return sides_.traffic.statements[operation_.nodes[node].statement];
  }
  const StatementFacts& facts(std::size_t node) const {
    return sides_.facts[operation_.nodes[node].statement];
  }
  const LearnedStatement& rewrite() const { return sides_.traffic.statements[answer_->rewrite]; }
  const StatementFacts& rewrite_facts() const { return sides_.facts[answer_->rewrite]; }
  const ValuePlace& place_of(const Place& place) const {
    return facts(place.node).places[place.slot];
  }

  void problem(std::string text) { rule_.problems.push_back(std::move(text)); }

  std::string table_of(std::size_t node) const {
    const auto& tables = facts(node).tables;
    return tables.empty() ? std::string() : tables.front();
  }

  bool one_row(std::size_t node) const {
    return std::ranges::all_of(operation_.examples, [node](const auto& example) {
      return example[node] == nullptr || example[node]->result->rows() <= 1;
    });
  }

  // By their tables; where a table comes twice, by the columns that lead to it.
  void name_statements() {
    rule_.legacy.resize(words_.size());
    if (words_.size() == 1) return;
    std::map<std::string, int> tables;
    for (std::size_t node = 0; node < words_.size(); ++node) ++tables[table_of(node)];
    std::set<std::string> taken;
    for (std::size_t node = 0; node < words_.size(); ++node) {
      const auto table = table_of(node);
      std::string name = identifier_of(table, "statement");
      if (node == 0) {
        if (one_row(0)) name = singular_of(name);
      } else if (tables[table] > 1) {
        const auto& own = operation_.nodes[node];
        name = reference_name(facts(own.parent).columns[own.parent_column].column, name);
      }
      rule_.legacy[node].name = unique_name(name, taken);
    }
  }

  void write_links() {
    for (std::size_t node = 1; node < words_.size(); ++node) {
      const auto& own = operation_.nodes[node];
      words_[node][own.group] = concat({":", rule_.legacy[own.parent].name, ".",
                                        facts(own.parent).columns[own.parent_column].label});
    }
  }

  const LearnInput* constant(const Place& place) const { return only_value(operation_, place); }

  static bool enum_like(const std::string& value) {
    return value.size() > 1 &&
           std::ranges::all_of(value, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
  }

  // A page, a switch, or a word of the schema: what says how, not who.
  bool says_how(const Place& place, const LearnInput& value) const {
    const auto& at = place_of(place);
    if (at.use == ValueUse::limit || at.use == ValueUse::offset) return true;
    if (value.list || !value.has_value()) return !value.list;
    const std::string& text = *value.members[0];
    const bool boolean = text == "true" || text == "false" || text == "t" || text == "f";
    return boolean || enum_like(text) ||
           (!at.cast.empty() && at.cast.front() >= 'A' && at.cast.front() <= 'Z');
  }

  bool rewrite_constant(std::size_t slot) const {
    const auto& examples = rewrite().examples;
    return std::ranges::all_of(examples, [&](const Observation& call) {
      return same_input(call.inputs[slot], examples.front().inputs[slot]);
    });
  }

  void name_used() {
    if (answer_ == nullptr) {
      // Nobody knows yet what the rewrite will ask for: all that varies.
      for (std::size_t node = 0; node < words_.size(); ++node) {
        for (std::size_t slot = 0; slot < words_[node].size(); ++slot)
          if (!words_[node][slot] && constant({node, slot}) == nullptr) name({node, slot}, nullptr);
      }
      return;
    }
    std::vector<std::pair<Place, std::size_t>> used;
    for (std::size_t slot = 0; slot < answer_->sources.size(); ++slot) {
      const auto& source = answer_->sources[slot];
      if (source) used.push_back({{source->node, source->group}, slot});
    }
    // Names in the order of legacy.
    std::sort(used.begin(), used.end());
    for (const auto& [place, slot] : used) {
      const LearnInput* value = constant(place);
      const bool pin = value != nullptr && rewrite_constant(slot) && is_pin(place, *value, slot);
      if (!pin) use(place, slot);
    }
  }

  // Constant on both sides: written so in both texts, or seen so often enough and no name of
  // anybody.
  bool is_pin(const Place& place, const LearnInput& value, std::size_t slot) const {
    const bool how = says_how(place, value) || place_of(place).column.empty();
    if (written_constant(place) != nullptr && is_written(rewrite().shape.slots[slot]))
      return how || varied(operation_);
    return how && !value.list && varied(operation_);
  }

  void name(const Place& place, const ValuePlace* other) {
    auto& words = words_[place.node][place.slot];
    if (words) return;
    const auto& at = place_of(place);
    const bool list = statement(place.node).shape.slots[place.slot].list;
    const bool nameless = at.column.empty() && at.use == ValueUse::plain && other != nullptr;
    std::string text = value_name(nameless ? *other : at, list);
    if (taken_.contains(text) && at.use == ValueUse::lower_bound) text += "Min";
    if (taken_.contains(text) && at.use == ValueUse::upper_bound) text += "Max";
    words = concat({":", unique_name(text, taken_)});
  }

  void use(const Place& place, std::size_t slot) {
    const ValueForm form = answer_->sources[slot]->form;
    const auto& at = rewrite_facts().places[slot];
    name(place, &at);
    const std::string given = words_[place.node][place.slot]->substr(1);
    if (form == ValueForm::same) {
      rewrite_words_[slot] = concat({":", given});
      return;
    }
    auto& known = lets_[{place, form}];
    if (known.empty()) {
      known = unique_name(concat({given, let_suffix(form)}), taken_);
      rule_.let.emplace_back(known, let_expression(form, given));
    }
    rewrite_words_[slot] = concat({":", known});
  }

  static std::string_view let_suffix(ValueForm form) {
    switch (form) {
      case ValueForm::same:
        return "";
      case ValueForm::contains:
      case ValueForm::starts_with:
      case ValueForm::ends_with:
        return "Like";
      case ValueForm::only_member:
        return "Member";
      case ValueForm::json_string:
        return "Text";
      case ValueForm::lower_case:
        return "Lower";
    }
    return "";
  }

  // A value of legacy that the rewrite does not ask for: a pin, or another place of a name.
  void settle(const Place& place) {
    const LearnInput* value = constant(place);
    const Slot* literal = written_constant(place);
    if (value != nullptr && (literal != nullptr || varied(operation_) || says_how(place, *value))) {
      if (literal != nullptr) return;  // as it stands
      auto text =
          literal_text(*value, statement(place.node).shape.slots[place.slot], place_of(place).use);
      if (text) {
        words_[place.node][place.slot] = std::move(text);
        return;
      }
    }
    if (const auto* words = equal_name(place)) {
      words_[place.node][place.slot] = *words;
      return;
    }
    name(place, nullptr);
    if (answer_ == nullptr) return;
    const auto spelled = *words_[place.node][place.slot];
    problem(value != nullptr ? concat({"`", spelled, kOneValue}) : concat({"`", spelled, kVaries}));
  }

  // The text has a constant there.
  static bool is_written(const SlotGroup& group) {
    return !group.members.empty() && std::ranges::all_of(group.members, [](const Slot& slot) {
      return slot.kind == SlotKind::literal;
    });
  }
  const Slot* written_constant(const Place& place) const {
    const SlotGroup& group = statement(place.node).shape.slots[place.slot];
    return is_written(group) ? &group.members.front() : nullptr;
  }

  const std::string* equal_name(const Place& place) const {
    for (std::size_t node = 0; node < words_.size(); ++node) {
      for (std::size_t slot = 0; slot < words_[node].size(); ++slot) {
        const auto& words = words_[node][slot];
        if (!words || words->front() != ':' || words->find('.') != std::string::npos) continue;
        if (always_equal(operation_, place, {node, slot})) return &*words;
      }
    }
    return nullptr;
  }

  void write_rewrite_constants() {
    for (std::size_t slot = 0; slot < rewrite_words_.size(); ++slot) {
      auto& words = rewrite_words_[slot];
      if (words) continue;
      const SlotGroup& group = rewrite().shape.slots[slot];
      const bool unexplained = std::ranges::count(answer_->unexplained, slot) > 0;
      if (is_written(group) && !unexplained) continue;  // as it stands
      if (!unexplained && !rewrite().examples.empty())
        words = literal_text(rewrite().examples.front().inputs[slot], group,
                             rewrite_facts().places[slot].use);
      if (words) continue;
      words =
          concat({":", unique_name(value_name(rewrite_facts().places[slot], group.list), taken_)});
      problem(concat({"`", *words, kNoSource}));
    }
  }

  void write_texts() {
    for (std::size_t node = 0; node < words_.size(); ++node) {
      const auto& one = statement(node);
      auto text = rule_text(one.text, one.shape, words_[node]);
      if (!text) problem("a statement of legacy cannot be written as a rule: control characters");
      rule_.legacy[node].sql = std::move(text).value_or("");
    }
    if (answer_ == nullptr) return;
    auto text = rule_text(rewrite().text, rewrite().shape, rewrite_words_);
    if (!text) problem("the rewrite cannot be written as a rule: control characters");
    rule_.rewrite = std::move(text).value_or("");
  }

  std::string legacy_label(std::size_t column) const {
    const auto at = whole_columns(operation_, sides_.facts)[column];
    const auto& label = facts(at.node).columns[at.column].label;
    return words_.size() == 1 ? label : concat({rule_.legacy[at.node].name, ".", label});
  }

  void write_columns() {
    const auto& outputs = rewrite_facts().columns;
    for (const auto& [legacy, index] : answer_->named_columns) {
      const OutputColumn& output = outputs[index];
      std::string text = output.expression;
      if (output.aliased) text = output.label;
      if (output.has_slot && !output.aliased) {
        problem(concat({"the column \"", legacy_label(legacy),
                        "\" of legacy is an expression of the rewrite with a value in it: write it "
                        "under `columns`"}));
        continue;
      }
      rule_.columns.emplace_back(legacy_label(legacy), std::move(text));
    }
    for (const std::size_t column : answer_->without_pair)
      rule_.without_pair.push_back(legacy_label(column));
  }

  void tell_evidence() {
    auto& evidence = rule_.evidence;
    if (operation_.incomplete > 0) {
      evidence.push_back(
          concat({numbered(operation_.incomplete, "operation", "operations"),
                  " with this root had not all of its statements, or a result too large to keep"}));
    }
    if (answer_ == nullptr) return;
    if (!answer_->compared) {
      evidence.emplace_back("found by the tag and the values alone: the results were not compared");
      return;
    }
    if (answer_->agreeing == 0 && answer_->differing == 0) {
      evidence.emplace_back("found by the tag alone: no two calls had the same values");
      return;
    }
    evidence.push_back(concat({numbered(answer_->agreeing, "call", "calls"), " of the rewrite (",
                               std::to_string(answer_->with_rows), " with rows, ",
                               std::to_string(answer_->distinct), kSameValues,
                               std::to_string(answer_->differing), " gave something else"}));
    if (answer_->with_rows == 0)
      evidence.emplace_back("no call had a row: nothing but the texts speaks for this pair");
  }

  const LearnedSides& sides_;
  const LegacyOperation& operation_;
  const Answer* answer_;
  ProposedRule rule_;
  std::vector<std::vector<std::optional<std::string>>> words_;  // by node and slot
  std::vector<std::optional<std::string>> rewrite_words_;
  std::set<std::string> taken_;  // names
  std::map<std::pair<Place, ValueForm>, std::string> lets_;
};

}  // namespace

ProposedRule make_rule(const LearnedSides& sides, const LegacyOperation& operation,
                       const Answer* answer) {
  return RuleMaker(sides, operation, answer).make();
}

}  // namespace parallax::shadow
