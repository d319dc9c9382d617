#include "shadow/learn/operations.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>

#include "shadow/learn/links.h"

namespace parallax::shadow {

namespace {

constexpr std::size_t kExamplesMax = 400;  // of one operation
// As many as a rule may have.
constexpr std::size_t kNodesMax = 32;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// One statement with those that were made from its rows.
struct Tree {
  std::size_t parent = kNone;  // event
  std::size_t link = 0;
  std::vector<std::size_t> children;  // events
  bool empty_child = false;           // a list of nothing: its parent had no rows
};

class OperationFinder {
 public:
  OperationFinder(const LearnedTraffic& traffic, std::span<const StatementFacts> facts)
      : traffic_(traffic), facts_(facts) {}

  std::vector<LegacyOperation> find(std::uint64_t window_ns) {
    collect_events();
    found_ = find_links(events_, facts_, window_ns);
    trees_.resize(events_.size());
    for (std::size_t e = 0; e < events_.size(); ++e) place(e);
    std::map<std::size_t, std::vector<std::size_t>> roots;  // kind -> events
    std::map<std::size_t, std::size_t> placed;
    for (std::size_t e = 0; e < events_.size(); ++e) {
      if (trees_[e].parent == kNone && !trees_[e].empty_child) {
        roots[events_[e].kind].push_back(e);
      } else {
        ++placed[events_[e].kind];
      }
    }
    for (const auto& [kind, all] : roots) {
      // Children whose parents have been let go are no operations.
      constexpr std::size_t kNoiseParts = 5;
      if (all.size() * kNoiseParts < placed[kind]) continue;
      add_operation(all);
    }
    merge_equal();
    std::ranges::stable_sort(operations_, std::greater(), [](const LegacyOperation& one) {
      return one.examples.size() + one.incomplete;
    });
    return std::move(operations_);
  }

 private:
  void collect_events() {
    std::map<std::pair<std::size_t, std::string>, std::size_t> kinds;
    for (std::size_t s = 0; s < traffic_.statements.size(); ++s) {
      const auto& statement = traffic_.statements[s];
      if (statement.side != Side::legacy || !facts_[s].select || facts_[s].of_catalog) continue;
      for (const Observation& seen : statement.examples) {
        const auto kind = kinds.emplace(std::pair(s, seen.operation), kinds.size()).first->second;
        events_.push_back({s, kind, &seen});
      }
    }
    std::ranges::stable_sort(events_, {},
                             [](const LearnEvent& event) { return event.seen->begin_ns; });
  }

  bool has_child(std::size_t parent, std::size_t link) const {
    return std::ranges::any_of(trees_[parent].children,
                               [&](std::size_t child) { return trees_[child].link == link; });
  }

  void place(std::size_t e) {
    for (const Explanation& one : found_.explanations[e]) {
      if (has_child(one.parent, one.link)) continue;
      trees_[e].parent = one.parent;
      trees_[e].link = one.link;
      trees_[one.parent].children.push_back(e);
      return;
    }
    trees_[e].empty_child = std::ranges::any_of(found_.links, [&](const FoundLink& link) {
      return link.child == events_[e].kind && !events_[e].seen->inputs[link.group].has_value();
    });
  }

  // The links by which operations with such a root go on, in the order in which they were met.
  struct Path {
    std::size_t parent = 0;  // path
    std::size_t link = kNone;
    std::size_t expected = 0;  // its parent was there and had something to look for
    std::size_t present = 0;
  };

  bool asks(std::size_t event, std::size_t link) const {
    const auto& result = events_[event].seen->result;
    if (result == nullptr) return false;
    const std::size_t column = found_.links[link].parent_column;
    if (column >= result->columns().size()) return false;
    for (std::size_t row = 0; row < result->rows(); ++row)
      if (result->cell(row, column)) return true;
    return false;
  }

  std::size_t path_of(std::vector<Path>& paths, std::size_t parent, std::size_t link) const {
    for (std::size_t i = 1; i < paths.size(); ++i)
      if (paths[i].parent == parent && paths[i].link == link) return i;
    paths.push_back({parent, link, 0, 0});
    return paths.size() - 1;
  }

  void collect(std::vector<Path>& paths, std::size_t path, std::size_t event) const {
    for (const std::size_t child : trees_[event].children) {
      const std::size_t own = path_of(paths, path, trees_[child].link);
      ++paths[own].present;
      if (paths.size() < kNodesMax) collect(paths, own, child);
    }
  }

  // Children of one parent run at the same time: their columns in the parent say which is first.
  void add_in_order(const std::vector<Path>& met, std::size_t from, std::size_t to,
                    std::vector<Path>& paths) const {
    std::vector<std::size_t> children;
    for (std::size_t i = 1; i < met.size(); ++i)
      if (met[i].parent == from) children.push_back(i);
    std::ranges::stable_sort(
        children, {}, [&](std::size_t i) { return found_.links[met[i].link].parent_column; });
    for (const std::size_t i : children) {
      paths.push_back(met[i]);
      paths.back().parent = to;
      add_in_order(met, i, paths.size() - 1, paths);
    }
  }

  std::size_t child_by(std::size_t event, std::size_t link) const {
    for (const std::size_t child : trees_[event].children)
      if (trees_[child].link == link) return child;
    return kNone;
  }

  void add_operation(const std::vector<std::size_t>& roots) {
    std::vector<Path> met(1);
    for (const std::size_t root : roots) collect(met, 0, root);
    std::vector<Path> paths(1);
    add_in_order(met, 0, 0, paths);
    for (const std::size_t root : roots) count_expected(paths, 0, root);
    LegacyOperation operation;
    std::vector<std::size_t> node_of(paths.size(), kNone);
    operation.nodes.push_back({.statement = events_[roots.front()].statement});
    node_of[0] = 0;
    std::vector<std::size_t> kept{0};
    for (std::size_t i = 1; i < paths.size(); ++i) {
      // A statement that comes now and then belongs to another operation with the same root.
      if (node_of[paths[i].parent] == kNone || paths[i].present * 2 < paths[i].expected) continue;
      const FoundLink& link = found_.links[paths[i].link];
      const std::size_t statement = statement_of(link.child);
      node_of[i] = operation.nodes.size();
      operation.nodes.push_back(
          {statement, node_of[paths[i].parent], link.parent_column, link.group, link.child_column});
      kept.push_back(i);
    }
    for (const std::size_t root : roots) add_example(operation, paths, kept, node_of, root);
    operations_.push_back(std::move(operation));
  }

  void count_expected(std::vector<Path>& paths, std::size_t path, std::size_t event) const {
    for (std::size_t i = path + 1; i < paths.size(); ++i) {
      if (paths[i].parent != path) continue;
      if (asks(event, paths[i].link)) ++paths[i].expected;
      const std::size_t child = child_by(event, paths[i].link);
      if (child != kNone) count_expected(paths, i, child);
    }
  }

  std::size_t statement_of(std::size_t kind) const {
    return std::ranges::find(events_, kind, &LearnEvent::kind)->statement;
  }

  void add_example(LegacyOperation& operation, const std::vector<Path>& paths,
                   const std::vector<std::size_t>& kept, const std::vector<std::size_t>& node_of,
                   std::size_t root) {
    std::vector<std::size_t> parts{root};
    std::vector<const Observation*> example{events_[root].seen};
    ++operation.tags[events_[root].seen->operation];
    bool whole = events_[root].seen->result != nullptr;
    for (std::size_t node = 1; node < kept.size(); ++node) {
      const Path& path = paths[kept[node]];
      const std::size_t parent = parts[node_of[path.parent]];
      const std::size_t child = parent == kNone ? kNone : child_by(parent, path.link);
      parts.push_back(child);
      example.push_back(child == kNone ? nullptr : events_[child].seen);
      if (child == kNone) {
        whole = whole && (parent == kNone || !asks(parent, path.link));
      } else {
        whole = whole && events_[child].seen->result != nullptr;
      }
    }
    if (!whole) {
      ++operation.incomplete;
    } else if (operation.examples.size() < kExamplesMax) {
      operation.examples.push_back(std::move(example));
    }
  }

  // The same statements under two tags are one rule.
  void merge_equal() {
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      for (std::size_t other = operations_.size(); --other > i;) {
        LegacyOperation& same = operations_[other];
        if (same.nodes != operations_[i].nodes) continue;
        auto& into = operations_[i];
        into.incomplete += same.incomplete;
        for (const auto& [tag, count] : same.tags) into.tags[tag] += count;
        into.examples.insert(into.examples.end(), same.examples.begin(), same.examples.end());
        if (into.examples.size() > kExamplesMax) into.examples.resize(kExamplesMax);
        operations_.erase(operations_.begin() + static_cast<std::ptrdiff_t>(other));
      }
    }
  }

  const LearnedTraffic& traffic_;
  std::span<const StatementFacts> facts_;
  std::vector<LearnEvent> events_;
  FoundLinks found_;
  std::vector<Tree> trees_;
  std::vector<LegacyOperation> operations_;
};

}  // namespace

std::vector<LegacyOperation> find_operations(const LearnedTraffic& traffic,
                                             std::span<const StatementFacts> facts,
                                             std::uint64_t window_ns) {
  return OperationFinder(traffic, facts).find(window_ns);
}

}  // namespace parallax::shadow
