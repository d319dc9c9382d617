#include "shadow/learn/proposal.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "shadow/learn/answers.h"
#include "shadow/learn/naming.h"
#include "shadow/learn/operations.h"
#include "shadow/learn/rule_maker.h"
#include "shadow/learn/whole_results.h"
#include "shadow/rules/concat.h"
#include "shadow/rules/sort_unique.h"

namespace parallax::shadow {

namespace {

constexpr std::size_t kRuleNameBytesMax = 200;

RuleSource source_of(const ProposedRule& rule) {
  RuleSource source;
  source.name.text = rule.name;
  source.legacy.clear();
  for (const auto& one : rule.legacy) source.legacy.push_back({one.name, {one.sql, {}}});
  source.rewrite.front().sql.text = rule.rewrite;
  for (const auto& [name, expression] : rule.let) source.let[name] = {expression, {}};
  for (const auto& [label, column] : rule.columns) source.columns[label] = {column, {}};
  return source;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kRuleNameBytesMax)) {
    // A name is a metric label: what is no plain text stays out.
    if (c >= ' ' && c < '\x7f') out.push_back(c);
  }
  return out;
}

class Proposer {
 public:
  Proposer(LearnedTraffic& traffic, const RuleSet& known) : traffic_(traffic), known_(known) {
    for (const auto& statement : traffic.statements)
      facts_.push_back(statement_facts(statement.text, statement.shape));
    describe_results(traffic, facts_);
    out_.uses.resize(facts_.size());
  }

  Proposals propose(std::chrono::milliseconds window) {
    for (std::size_t s = 0; s < facts_.size(); ++s) {
      out_.uses[s].of_catalog = facts_[s].of_catalog;
      out_.uses[s].covered_by = covering(s);
    }
    const auto window_ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(window).count());
    operations_ = find_operations(traffic_, facts_, window_ns);
    std::erase_if(operations_, [this](const LegacyOperation& one) {
      return roots_a_rule(one.nodes.front().statement);
    });
    for (const auto& operation : operations_)
      for (const auto& [tag, count] : operation.tags) ++tagged_[tag];
    for (const auto& operation : operations_) {
      answers_.push_back(find_answers({traffic_, facts_}, operation));
      if (!answers_.back().empty()) best_.insert(answers_.back().front().rewrite);
    }
    for (std::size_t i = 0; i < operations_.size(); ++i) add_rule(operations_[i], answers_[i]);
    return std::move(out_);
  }

 private:
  void add_rule(const LegacyOperation& operation, const std::vector<Answer>& answers) {
    const LearnedSides sides{traffic_, facts_};
    auto rule = make_rule(sides, operation, answers.empty() ? nullptr : &answers.front());
    rule.name = unique(rule_name(operation));
    check(rule, traffic_.statements[operation.nodes.front().statement].shape.key);
    for (const auto& node : operation.nodes) use(node.statement, rule.name);
    if (!answers.empty()) use(answers.front().rewrite, rule.name);
    for (const Answer& other : answers) {
      // The new code leaves out what is 0 or empty: one call, two texts.
      if (best_.contains(other.rewrite) || other.with_rows == 0) continue;
      use(other.rewrite, rule.name);
      rule.evidence.push_back(
          concat({"The rewrite has another form of it, for some of its values: ",
                  make_rule(sides, operation, &other).rewrite}));
    }
    out_.rules.push_back(std::move(rule));
  }

  std::vector<std::string> covering(std::size_t statement) const {
    std::vector<std::string> names;
    const auto known = known_.know(traffic_.statements[statement].text);
    for (const auto* places : {&known.roots, &known.children})
      for (const auto& place : *places) names.push_back(place.rule->name);
    sort_unique(names);
    return names;
  }

  bool roots_a_rule(std::size_t statement) const {
    const auto known = known_.know(traffic_.statements[statement].text);
    return std::ranges::any_of(
        known.roots, [](const StatementPlace& place) { return place.side == Side::legacy; });
  }

  void use(std::size_t statement, const std::string& rule) {
    auto& names = out_.uses[statement].proposed_in;
    if (std::ranges::find(names, rule) == names.end()) names.push_back(rule);
  }

  // Two rules whose first statements could be the same are refused together.
  void check(ProposedRule& rule, const std::string& root_key) {
    if (rule.rewrite.empty() || !rule.problems.empty()) return;
    auto& sources = by_root_[root_key];
    auto together = sources;
    together.push_back(source_of(rule));
    const auto compiled = RuleSet::compile(together);
    if (const auto* problems = std::get_if<std::vector<ConfigProblem>>(&compiled)) {
      for (const auto& problem : *problems) rule.problems.push_back(problem.message);
      return;
    }
    for (const auto& warning : std::get<RuleSet>(compiled).warnings())
      rule.evidence.push_back(warning.message);
    sources = std::move(together);
  }

  // Its tag, and of several that which it has for itself.
  std::string rule_name(const LegacyOperation& operation) const {
    std::string best;
    const auto rank = [&](const std::string& tag) {
      return std::pair(tagged_.at(tag) == 1, operation.tags.at(tag));
    };
    for (const auto& [tag, count] : operation.tags)
      if (!tag.empty() && (best.empty() || rank(tag) > rank(best))) best = tag;
    const auto verb = verb_of(operation);
    const auto& tables = facts_[operation.nodes.front().statement].tables;
    const auto table =
        tables.empty() ? std::string("query") : identifier_of(tables.front(), "query");
    if (best.empty()) return concat({table, ".", verb});
    const bool first = std::ranges::none_of(operations_, [&](const LegacyOperation& other) {
      return other.tags.contains(best) && &other != &operation && goes_before(other, operation);
    });
    return printable(first ? best : concat({best, ".", verb}));
  }

  // Of two operations with one tag: that of more statements, of more rows, or met first.
  static bool goes_before(const LegacyOperation& a, const LegacyOperation& b) {
    const auto weight = [](const LegacyOperation& one) {
      return std::pair(one.nodes.size(), most_rows(one) > 0);
    };
    return weight(a) != weight(b) ? weight(a) > weight(b) : &a < &b;
  }

  static std::size_t most_rows(const LegacyOperation& operation) {
    std::size_t most = 0;
    for (const auto& example : operation.examples)
      most = std::max(most, example.front()->result->rows());
    return most;
  }

  // As an ORM would call it: users.findUnique.
  std::string_view verb_of(const LegacyOperation& operation) const {
    const auto& columns = facts_[operation.nodes.front().statement].columns;
    const bool expressions = !columns.empty() && std::ranges::all_of(columns, [](const auto& one) {
      return one.table.empty();
    });
    if (expressions) return columns.size() == 1 ? "count" : "aggregate";
    const std::size_t most = most_rows(operation);
    if (operation.examples.empty() || most > 1) return "findMany";
    return most == 1 ? "findUnique" : "none";
  }

  std::string unique(const std::string& name) {
    if (known_names_.empty())
      for (const auto& rule : known_.rules()) known_names_.insert(rule->name);
    std::string tried = name;
    for (int number = 2; !known_names_.insert(tried).second; ++number)
      tried = concat({name, ".", std::to_string(number)});
    return tried;
  }

  LearnedTraffic& traffic_;
  const RuleSet& known_;
  std::vector<StatementFacts> facts_;
  std::vector<LegacyOperation> operations_;
  std::map<std::string, std::size_t> tagged_;  // operations that have a tag
  std::vector<std::vector<Answer>> answers_;   // by operation
  std::set<std::size_t> best_;                 // rewrites that are proposed
  std::map<std::string, std::vector<RuleSource>> by_root_;
  std::set<std::string> known_names_;
  Proposals out_;
};

}  // namespace

Proposals propose_rules(LearnedTraffic& traffic, const RuleSet& known,
                        std::chrono::milliseconds window) {
  return Proposer(traffic, known).propose(window);
}

}  // namespace parallax::shadow
