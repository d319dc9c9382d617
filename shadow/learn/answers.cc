#include "shadow/learn/answers.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>

#include "shadow/learn/column_match.h"
#include "shadow/learn/example_values.h"

namespace parallax::shadow {

namespace {

constexpr std::size_t kCallsMax = 100;       // of a rewrite that are looked at
constexpr std::size_t kCallsTried = 25;      // that find nothing: it is another statement
constexpr std::size_t kCandidatesMax = 400;  // operations that one call is held against
// A result may have changed between the two: one difference in so many is no other statement.
constexpr std::size_t kDifferingParts = 5;

using Place = ValuePosition;

// One call of the rewrite and the operation that it is taken for.
struct Call {
  const Observation* rewrite = nullptr;
  std::size_t example = 0;
};

class AnswerFinder {
 public:
  AnswerFinder(const LearnedSides& sides, const LegacyOperation& operation,
               const std::vector<std::optional<ResultSet>>& wholes, std::size_t rewrite,
               bool repeated)
      : sides_(sides),
        operation_(operation),
        wholes_(wholes),
        rewrite_(sides.traffic.statements[rewrite]),
        facts_(sides.facts[rewrite]),
        repeated_(repeated) {
    answer_.rewrite = rewrite;
    for (const auto& one : whole_columns(operation, sides.facts)) {
      const auto& facts = sides.facts[operation.nodes[one.node].statement];
      columns_.push_back({&facts.columns[one.column], one.link});
    }
    for (std::size_t node = 0; node < operation.nodes.size(); ++node) {
      const auto statement = operation.nodes[node].statement;
      const std::size_t slots = sides.traffic.statements[statement].shape.slots.size();
      for (std::size_t slot = 0; slot < slots; ++slot)
        if (node == 0 || slot != operation.nodes[node].group) places_.push_back({node, slot});
    }
    const auto& examples = rewrite_.examples;
    const std::size_t skipped = examples.size() - std::min(examples.size(), kCallsMax);
    for (std::size_t i = skipped; i < examples.size(); ++i) calls_.push_back({&examples[i], 0});
  }

  bool repeated_columns() const { return match_.repeated; }

  // Nothing: it cannot be this one.
  std::optional<Answer> find() {
    for (const auto& [tag, count] : operation_.tags)
      answer_.same_tag = answer_.same_tag || (!tag.empty() && rewrite_.operations.contains(tag));
    if (operation_.examples.empty() || !may_be()) return std::nullopt;
    find_constants();
    auto chosen = choose_calls(answer_.compared);
    // The tag says that it is the one, and the results that it is wrong.
    if (chosen.empty() && answer_.same_tag && answer_.compared) chosen = choose_calls(false);
    if (chosen.empty()) return std::nullopt;
    choose_sources(chosen);
    count_unused();
    if (!answer_.unexplained.empty() && !answer_.same_tag) return std::nullopt;
    if (answer_.compared) name_columns(chosen);
    if (answer_.compared) count();
    // A column without its like on each side: they have nothing to do with each other.
    const bool other_columns =
        !answer_.without_pair.empty() && left_.size() < match_.rewrite_left.size();
    const bool proven = answer_.agreeing > 0 && !other_columns &&
                        answer_.differing * kDifferingParts <= answer_.agreeing;
    return proven || answer_.same_tag ? std::optional(std::move(answer_)) : std::nullopt;
  }

 private:
  // What texts alone say.
  bool may_be() {
    match_ = match_columns(columns_, facts_.columns, repeated_);
    const auto own = std::ranges::count(columns_, false, &LegacyColumn::link);
    const auto paired =
        std::min<std::ptrdiff_t>(own, own - static_cast<std::ptrdiff_t>(match_.legacy_left.size()) +
                                          static_cast<std::ptrdiff_t>(match_.rewrite_left.size()));
    const bool results = std::ranges::any_of(
        calls_, [](const Call& call) { return call.rewrite->result != nullptr; });
    answer_.compared = results && !facts_.columns.empty() && paired * 2 >= own;
    if (answer_.same_tag) return true;
    std::set<std::string> tables;
    for (const auto& node : operation_.nodes)
      tables.insert(sides_.facts[node.statement].tables.begin(),
                    sides_.facts[node.statement].tables.end());
    const auto shared = [&](const std::string& table) { return tables.contains(table); };
    return answer_.compared &&
           (facts_.tables.empty() ? tables.empty() : std::ranges::any_of(facts_.tables, shared));
  }

  void find_constants() {
    constant_.assign(rewrite_.shape.slots.size(), true);
    for (std::size_t slot = 0; slot < constant_.size(); ++slot) {
      for (const Call& call : calls_)
        constant_[slot] = constant_[slot] &&
                          same_input(call.rewrite->inputs[slot], calls_[0].rewrite->inputs[slot]);
    }
  }

  bool holds(const ValueSource& source, std::size_t example, const LearnInput& value) const {
    const LearnInput* given = value_at(operation_, example, {source.node, source.group});
    return given != nullptr && comes_from(source.form, *given, value);
  }

  const ValuePlace& legacy_place(const Place& place) const {
    return sides_.facts[operation_.nodes[place.node].statement].places[place.slot];
  }

  // LIMIT is LIMIT, and nothing else.
  bool may_come(const Place& place, std::size_t slot) const {
    const auto page = [](ValueUse use) {
      return use == ValueUse::limit || use == ValueUse::offset ? use : ValueUse::plain;
    };
    return page(legacy_place(place).use) == page(facts_.places[slot].use);
  }

  bool explained(std::size_t example, std::size_t slot, const LearnInput& value) const {
    return std::ranges::any_of(places_, [&](const Place& place) {
      return may_come(place, slot) && std::ranges::any_of(kValueForms, [&](ValueForm form) {
               return holds({place.node, place.slot, form}, example, value);
             });
    });
  }

  // The examples with the same rows as far as columns pair by themselves.
  std::vector<std::size_t> equal_examples(const Observation& call, bool by_rows) {
    std::vector<std::size_t> found;
    if (!by_rows) {
      for (std::size_t i = 0; i < wholes_.size(); ++i)
        if (wholes_[i] || !answer_.compared) found.push_back(i);
      return found;
    }
    if (by_rows_.empty()) index_examples();
    if (call.result == nullptr || call.result->columns().size() != facts_.columns.size())
      return found;
    Columns columns;
    for (const auto& [legacy, rewrite] : match_.pairs) columns.push_back(rewrite);
    const auto equal = by_rows_.find(rows_hash(*call.result, columns));
    return equal == by_rows_.end() ? found : equal->second;
  }

  void index_examples() {
    Columns columns;
    for (const auto& [legacy, rewrite] : match_.pairs) columns.push_back(legacy);
    for (std::size_t i = 0; i < wholes_.size(); ++i)
      if (wholes_[i]) by_rows_[rows_hash(*wholes_[i], columns)].push_back(i);
  }

  // How many values of the call the example explains, from 1; 0: not all that vary.
  std::size_t score_of(const Observation& call, std::size_t example) const {
    std::size_t score = 1;
    for (std::size_t slot = 0; slot < constant_.size(); ++slot) {
      const bool known = explained(example, slot, call.inputs[slot]);
      if (known) ++score;
      if (!known && !constant_[slot] && !answer_.same_tag) return 0;
    }
    return score;
  }

  // For each call the operation that explains most of its values, where it explains all that vary.
  std::vector<Call> choose_calls(bool by_rows) {
    std::vector<Call> chosen;
    for (std::size_t c = 0; c < calls_.size(); ++c) {
      if (c == kCallsTried && chosen.empty()) return chosen;
      const Call& call = calls_[c];
      if (answer_.compared && call.rewrite->result == nullptr) continue;
      const auto equal = equal_examples(*call.rewrite, by_rows);
      std::optional<std::size_t> best;
      std::size_t most = 0;
      for (std::size_t i = 0; i < std::min(equal.size(), kCandidatesMax); ++i) {
        const auto score = score_of(*call.rewrite, equal[i]);
        if (score <= most) continue;
        most = score;
        best = equal[i];
      }
      if (best) chosen.push_back({call.rewrite, *best});
    }
    return chosen;
  }

  void choose_sources(const std::vector<Call>& chosen) {
    answer_.sources.resize(constant_.size());
    for (std::size_t slot = 0; slot < constant_.size(); ++slot) {
      auto best = std::tuple(std::size_t{0}, 0, 0);
      std::optional<ValueSource> source;
      for (const Place& place : places_) {
        if (!may_come(place, slot)) continue;
        for (const ValueForm form : kValueForms) {
          const ValueSource one{place.node, place.slot, form};
          const auto count =
              static_cast<std::size_t>(std::ranges::count_if(chosen, [&](const Call& call) {
                return holds(one, call.example, call.rewrite->inputs[slot]);
              }));
          const auto& column = facts_.places[slot].column;
          const bool same_column = !column.empty() && column == legacy_place(place).column &&
                                   legacy_place(place).use == facts_.places[slot].use;
          const auto score = std::tuple(count, same_column ? 1 : 0, -static_cast<int>(form));
          if (count == 0 || score <= best) continue;
          best = score;
          source = one;
        }
      }
      const bool always = std::get<0>(best) == chosen.size();
      const bool mostly = std::get<0>(best) * 2 > chosen.size();
      if (always || (!constant_[slot] && mostly)) {
        answer_.sources[slot] = source;
      } else if (!constant_[slot]) {
        answer_.unexplained.push_back(slot);
      }
    }
  }

  // A value of legacy that varies, and always is what another place of it is, is asked for there.
  void count_unused() {
    std::vector<Place> used;
    for (const auto& source : answer_.sources)
      if (source) used.push_back({source->node, source->group});
    answer_.unused = static_cast<std::size_t>(std::ranges::count_if(places_, [&](const Place& one) {
      return only_value(operation_, one) == nullptr &&
             std::ranges::none_of(
                 used, [&](const Place& other) { return always_equal(operation_, one, other); });
    }));
  }

  bool sources_hold(const Observation& call, std::size_t example) const {
    for (std::size_t slot = 0; slot < answer_.sources.size(); ++slot) {
      const auto& source = answer_.sources[slot];
      if (source && !holds(*source, example, call.inputs[slot])) return false;
    }
    return true;
  }

  void name_columns(const std::vector<Call>& chosen) {
    std::vector<ResultPair> results;
    for (const Call& call : chosen) {
      if (sources_hold(*call.rewrite, call.example))
        results.push_back({&*wholes_[call.example], call.rewrite->result.get()});
    }
    left_ = match_left(match_, columns_, facts_.columns, results);
    for (const std::size_t column : match_.legacy_left)
      if (!left_.contains(column)) answer_.without_pair.push_back(column);
    // The one that is left on each side needs no name.
    const bool alone = match_.legacy_left.size() == 1 && match_.rewrite_left.size() == 1;
    const auto plain = [&](std::size_t legacy, std::size_t rewrite) {
      return !columns_[legacy].column->table.empty() && !facts_.columns[rewrite].table.empty();
    };
    for (const auto& [legacy, rewrite] : left_)
      if (!alone || plain(legacy, rewrite)) answer_.named_columns[legacy] = rewrite;
  }

  bool equal_results(const Observation& call, std::size_t example) const {
    const ResultPair results{&*wholes_[example], call.result.get()};
    return std::ranges::all_of(left_, [&](const auto& pair) {
      return same_values_beside(match_, pair.first, pair.second, results);
    });
  }

  // As the rule would: wherever the values of its names are there, the results are to be equal.
  void count() {
    std::set<std::string> values;
    for (const Call& call : calls_) {
      if (call.rewrite->result == nullptr) continue;
      bool known = false;
      for (std::size_t i = 0; i < wholes_.size() && !known; ++i)
        known = wholes_[i] && sources_hold(*call.rewrite, i);
      if (!known) continue;
      const auto equal = equal_examples(*call.rewrite, true);
      const bool agrees = std::ranges::any_of(equal, [&](std::size_t i) {
        return sources_hold(*call.rewrite, i) && equal_results(*call.rewrite, i);
      });
      if (!agrees) {
        ++answer_.differing;
        continue;
      }
      ++answer_.agreeing;
      if (call.rewrite->result->rows() > 0) ++answer_.with_rows;
      std::string text;
      for (const LearnInput& one : call.rewrite->inputs)
        for (const auto& member : one.members) text += (member ? *member : "") + '\x1f';
      values.insert(std::move(text));
    }
    answer_.distinct = values.size();
  }

  const LearnedSides& sides_;
  const LegacyOperation& operation_;
  const std::vector<std::optional<ResultSet>>& wholes_;
  const LearnedStatement& rewrite_;
  const StatementFacts& facts_;
  bool repeated_;  // columns that come several times pair by their order
  Answer answer_;
  std::vector<LegacyColumn> columns_;
  std::vector<Place> places_;  // legacy's values, without links
  std::vector<Call> calls_;
  std::vector<bool> constant_;  // by slot of the rewrite
  ColumnMatch match_;
  std::map<std::size_t, std::size_t> left_;  // columns that pair by their values
  std::unordered_map<std::size_t, std::vector<std::size_t>> by_rows_;
};

auto rank(const Answer& answer) {
  const bool good = answer.differing * kDifferingParts <= answer.agreeing;
  return std::tuple(answer.unexplained.empty(), good && answer.with_rows > 0, answer.same_tag, good,
                    -static_cast<long>(answer.unused),
                    -static_cast<long>(answer.without_pair.size()), answer.distinct,
                    answer.agreeing);
}

}  // namespace

std::vector<Answer> find_answers(const LearnedSides& sides, const LegacyOperation& operation) {
  const auto wholes = whole_results(operation, sides.facts);
  std::vector<Answer> answers;
  for (std::size_t s = 0; s < sides.traffic.statements.size(); ++s) {
    const auto& statement = sides.traffic.statements[s];
    if (statement.side != Side::rewrite || !sides.facts[s].select || sides.facts[s].of_catalog ||
        statement.examples.empty()) {
      continue;
    }
    AnswerFinder by_order(sides, operation, wholes, s, true);
    auto answer = by_order.find();
    if ((!answer || answer->agreeing == 0) && by_order.repeated_columns()) {
      auto by_values = AnswerFinder(sides, operation, wholes, s, false).find();
      if (by_values && by_values->agreeing > 0) answer = std::move(by_values);
    }
    if (answer) answers.push_back(*std::move(answer));
  }
  std::ranges::stable_sort(answers,
                           [](const Answer& a, const Answer& b) { return rank(a) > rank(b); });
  return answers;
}

}  // namespace parallax::shadow
