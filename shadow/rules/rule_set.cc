// RuleSet: compile all rules, refuse what could not be told apart, find the rules of a statement.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "shadow/rules/concat.h"
#include "shadow/rules/prepared_text.h"
#include "shadow/rules/rule.h"
#include "shadow/rules/rule_compile.h"
#include "shadow/rules/values.h"

namespace parallax::shadow {

namespace {

bool is_pinned(const SlotGroup& group) {
  for (const Slot& slot : group.members) {
    if (slot.kind != SlotKind::literal) return false;
  }
  return true;  // also the empty list, IN (NULL)
}

bool groups_agree(const SlotGroup& a, const SlotGroup& b) {
  if (!is_pinned(a) || !is_pinned(b)) return true;
  if (a.members.size() != b.members.size()) return false;
  for (std::size_t i = 0; i < a.members.size(); ++i) {
    if (!pins_agree(a.members[i], b.members[i])) return false;
  }
  return true;
}

// Whether one statement could match both. Both have the same key, so the same slots.
bool overlap(const StatementShape& a, const StatementShape& b) {
  if (a.slots.size() != b.slots.size()) return false;
  for (std::size_t i = 0; i < a.slots.size(); ++i) {
    if (!groups_agree(a.slots[i], b.slots[i])) return false;
  }
  return true;
}

std::string place(const SourceMark& mark) {
  return concat({mark.file, ":", std::to_string(mark.line), ":", std::to_string(mark.column)});
}

void check_different_names(const std::vector<RuleSource>& sources,
                           std::vector<ConfigProblem>& problems) {
  std::map<std::string_view, const SourceMark*> seen;
  for (const RuleSource& source : sources) {
    const auto [first, added] = seen.emplace(source.name.text, &source.name.mark);
    if (added) continue;
    problems.push_back(
        {source.name.mark, concat({"a second rule `", source.name.text, "`; the first is at ",
                                   place(*first->second), ": give it another name"})});
  }
}

// Children may recur: their links tell them apart. Rewrites as well: the first has it.
void check_overlap(const std::vector<StatementPlace>& places,
                   std::vector<ConfigProblem>& problems) {
  const auto is_root = [](const StatementPlace& place) {
    return place.statement == 0 && place.side == Side::legacy;
  };
  for (std::size_t later = 1; later < places.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      if (!is_root(places[later]) || !is_root(places[earlier])) continue;
      if (!overlap(places[earlier].written().shape, places[later].written().shape)) continue;
      const Rule& first = *places[earlier].rule;
      const Rule& second = *places[later].rule;
      problems.push_back(
          {second.root().source.mark,
           concat({"a statement could match both `", second.name, "` and `", first.name, "` (",
                   place(first.root().source.mark),
                   "): pin different values at one place of both, or remove one of them"})});
    }
  }
}

void warn_of_order(const Rule& rule, std::vector<ConfigProblem>& warnings) {
  const auto& compare = rule.source.compare;
  if (compare.order == OrderMode::ignore) return;
  if (compare.unordered_statements.contains(rule.root().name)) return;
  const std::string warning = order_warning(rule.root().order, rule.rewrite.front().order);
  if (warning.empty()) return;
  warnings.push_back(
      {rule.rewrite.front().source.mark, concat({"rule `", rule.name, "`: ", warning})});
}

}  // namespace

std::variant<RuleSet, std::vector<ConfigProblem>> RuleSet::compile(
    std::vector<RuleSource> sources) {
  std::vector<ConfigProblem> problems;
  check_different_names(sources, problems);
  RuleSet set;
  for (RuleSource& source : sources) {
    const auto index = static_cast<std::uint32_t>(set.rules_.size());
    auto rule = compile_rule(std::move(source), index, problems);
    if (rule == nullptr) continue;
    warn_of_order(*rule, set.warnings_);
    set.rules_.push_back(std::move(rule));
  }
  for (const Side side : kSides) {
    for (const auto& rule : set.rules_) {
      for (std::size_t i = 0; i < rule->of(side).size(); ++i) {
        const RuleStatement& statement = rule->of(side)[i];
        set.by_key_[statement.shape.key].push_back({rule.get(), side, i});
        if (statement.link && !statement.link->single_key.empty())
          set.by_key_[statement.link->single_key].push_back({rule.get(), side, i});
      }
    }
  }
  for (const auto& rule : set.rules_) {
    const auto [first, is_new] = set.by_operation_.emplace(rule->operation(), rule.get());
    if (!is_new && rule->operation() == rule->name) first->second = rule.get();
  }
  for (const auto& [key, places] : set.by_key_) check_overlap(places, problems);
  if (problems.empty()) return set;
  std::stable_sort(problems.begin(), problems.end(), [](const auto& a, const auto& b) {
    return std::tie(a.mark.file, a.mark.line, a.mark.column) <
           std::tie(b.mark.file, b.mark.line, b.mark.column);
  });
  return problems;
}

const Rule* RuleSet::tagged(std::string_view operation) const {
  const auto found = by_operation_.find(operation);
  return found != by_operation_.end() ? found->second : nullptr;
}

bool KnownText::in_operations() const {
  return !children.empty() || std::ranges::any_of(roots, [](const StatementPlace& place) {
    return place.rule->has_children(place.side);
  });
}

bool KnownText::may_be_covered() const {
  const std::string_view key = shape.key;
  if (shape.sets_config || shape.may_write) return false;
  constexpr std::array kReads = {"select ", "with ", "( "};
  constexpr std::array kLocks = {" for update", " for no key update", " for share",
                                 " for key share"};
  const auto begins = [&](const char* word) { return key.starts_with(word); };
  const auto has = [&](const char* words) { return key.find(words) != std::string_view::npos; };
  return std::ranges::any_of(kReads, begins) && std::ranges::none_of(kLocks, has);
}

KnownText RuleSet::know(std::string_view sql) const {
  KnownText known;
  auto shape = shape_of(without_outer_comments(sql), ShapeDialect::statement);
  if (std::holds_alternative<ShapeError>(shape)) return known;
  known.shape = std::get<StatementShape>(std::move(shape));
  if (const auto rules = by_key_.find(known.shape.key); rules != by_key_.end()) {
    for (const StatementPlace& place : rules->second) {
      (place.statement == 0 ? known.roots : known.children).push_back(place);
    }
  }
  return known;
}

}  // namespace parallax::shadow
