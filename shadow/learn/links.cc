#include "shadow/learn/links.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "shadow/learn/naming.h"

namespace parallax::shadow {

namespace {

// Results that are longer are no parents: their lists would not come as parameters.
constexpr std::size_t kParentRowsMax = 32'768;
// Of one child: the nearest parents of each link.
constexpr std::size_t kParentsKept = 8;
// Names alone speak for a link from here on.
constexpr int kNamesSpeak = 2;

using Members = std::vector<std::optional<std::string_view>>;

// The list as it stands, and as a set, are two ways to be the parent's column.
std::string in_order(const Members& members) {
  std::string text = "=";
  for (const auto& member : members) {
    text += member ? std::to_string(member->size()) : "n";
    text += ':';
    if (member) text += *member;
  }
  return text;
}

std::string as_set(const Members& members) {
  std::set<std::string_view> values;
  for (const auto& member : members)
    if (member) values.insert(*member);
  Members sorted(values.begin(), values.end());
  auto text = in_order(sorted);
  text.front() = '{';
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// How much the names say that `a` refers to `b`: userId of "users"."id".
bool refers(const OutputColumn& a, const OutputColumn& b) {
  const auto singular = lower(singular_of(b.table));
  return !singular.empty() && b.column != a.column && lower(a.column).starts_with(singular) &&
         lower(a.column).ends_with(lower(b.column));
}

int affinity(const OutputColumn& parent, const OutputColumn& child) {
  if (refers(parent, child) || refers(child, parent)) return kNamesSpeak + 1;
  const auto id = [](const OutputColumn& column) { return lower(column.column) == "id"; };
  if (id(parent) != id(child)) return 1;
  return 0;
}

Members members_of(const LearnInput& input) {
  Members members;
  for (const auto& member : input.members)
    members.push_back(member ? std::optional<std::string_view>(*member) : std::nullopt);
  return members;
}

// The parent was asked for the same list: its column has what both were given.
bool echoes(const Observation& parent, const LearnInput& list) {
  const auto set = as_set(members_of(list));
  return std::ranges::any_of(parent.inputs, [&](const LearnInput& input) {
    return input.list && as_set(members_of(input)) == set;
  });
}

class LinkFinder {
 public:
  LinkFinder(std::span<const LearnEvent> events, std::span<const StatementFacts> facts,
             std::uint64_t window_ns)
      : events_(events), facts_(facts), window_ns_(window_ns), explanations_(events.size()) {
    for (const LearnEvent& event : events) statements_.emplace(event.kind, event.statement);
  }

  FoundLinks find() {
    index_parents();
    for (std::size_t e = 0; e < events_.size(); ++e) explain(e);
    choose();
    return {std::move(links_), std::move(explanations_)};
  }

 private:
  struct Place {
    std::size_t event = 0;
    std::size_t column = 0;
  };

  void index_parents() {
    for (std::size_t e = 0; e < events_.size(); ++e) {
      const auto& result = events_[e].seen->result;
      const auto& columns = facts_[events_[e].statement].columns;
      if (result == nullptr || result->rows() == 0 || result->rows() > kParentRowsMax ||
          result->columns().size() != columns.size()) {
        continue;
      }
      for (std::size_t c = 0; c < columns.size(); ++c) {
        if (std::ranges::count(columns, columns[c].label, &OutputColumn::label) != 1) continue;
        Members members;
        for (std::size_t row = 0; row < result->rows(); ++row)
          members.push_back(result->cell(row, c));
        for (const auto& text : {in_order(members), as_set(members)})
          by_values_[std::hash<std::string>()(text)].push_back({e, c});
      }
    }
  }

  // Of the child's output: the column that the list is compared with.
  std::optional<std::size_t> child_column(const LearnEvent& child, std::size_t group) const {
    const auto& facts = facts_[child.statement];
    if (group >= facts.places.size() || facts.places[group].column.empty()) return std::nullopt;
    for (std::size_t c = 0; c < facts.columns.size(); ++c) {
      if (facts.columns[c].column == facts.places[group].column) return c;
    }
    return std::nullopt;
  }

  void explain(std::size_t e) {
    const LearnEvent& child = events_[e];
    for (std::size_t group = 0; group < child.seen->inputs.size(); ++group) {
      const LearnInput& input = child.seen->inputs[group];
      if (!input.list || !input.has_value()) continue;
      const auto column = child_column(child, group);
      if (!column) continue;
      const Members members = members_of(input);
      for (const auto& text : {in_order(members), as_set(members)})
        add_parents(e, group, *column, by_values_.find(std::hash<std::string>()(text)));
    }
  }

  using ByValues = std::unordered_map<std::size_t, std::vector<Place>>;

  void add_parents(std::size_t e, std::size_t group, std::size_t column,
                   ByValues::const_iterator found) {
    if (found == by_values_.end()) return;
    const LearnEvent& child = events_[e];
    std::map<std::size_t, std::size_t> kept;
    for (auto place = found->second.rbegin(); place != found->second.rend(); ++place) {
      const LearnEvent& parent = events_[place->event];
      if (parent.statement == child.statement || parent.seen->end_ns > child.seen->begin_ns ||
          child.seen->begin_ns - parent.seen->end_ns > window_ns_ ||
          parent.seen->operation != child.seen->operation) {
        continue;
      }
      const FoundLink found_link{child.kind, group, parent.kind, place->column, column};
      if (echoes(*parent.seen, child.seen->inputs[group]) && affinity_of(found_link) < kNamesSpeak)
        continue;
      const auto link = link_index(found_link);
      if (++kept[link] > kParentsKept) continue;
      auto& known = explanations_[e];
      if (std::ranges::none_of(known, [&](const Explanation& one) {
            return one.link == link && one.parent == place->event;
          }))
        known.push_back({link, place->event});
    }
  }

  std::size_t link_index(const FoundLink& link) {
    const auto [found, fresh] = link_places_.emplace(link, links_.size());
    if (fresh) links_.push_back(link);
    return found->second;
  }

  int affinity_of(const FoundLink& link) const {
    return affinity(facts_[statements_.at(link.parent)].columns[link.parent_column],
                    facts_[statements_.at(link.child)].columns[link.child_column]);
  }

  // Few links that explain all lists of each kind, those with the most evidence first.
  void choose() {
    std::vector<bool> chosen(links_.size(), false);
    std::map<std::size_t, std::vector<std::size_t>> lists;  // kind -> events with a list
    for (std::size_t e = 0; e < events_.size(); ++e) {
      if (std::ranges::any_of(events_[e].seen->inputs, [](const LearnInput& input) {
            return input.list && input.has_value();
          }))
        lists[events_[e].kind].push_back(e);
    }
    for (const auto& [kind, all] : lists) choose_of_kind(all, chosen);
    keep(chosen);
  }

  void choose_of_kind(const std::vector<std::size_t>& all, std::vector<bool>& chosen) {
    std::set<std::size_t> open(all.begin(), all.end());
    std::vector<std::size_t> taken;
    while (!open.empty()) {
      std::map<std::size_t, std::set<std::size_t>> by_link;
      for (const std::size_t e : open)
        for (const auto& one : explanations_[e]) by_link[one.link].insert(e);
      const auto best = std::ranges::max_element(by_link, {}, [this](const auto& entry) {
        return std::pair(entry.second.size(), affinity_of(links_[entry.first]));
      });
      if (best == by_link.end()) break;
      if (best->second.size() < 2 && affinity_of(links_[best->first]) < kNamesSpeak) break;
      taken.push_back(best->first);
      for (const std::size_t e : best->second) open.erase(e);
    }
    // What is mostly asked for by itself is no child, whatever it once happened to equal.
    if (open.size() * 2 > all.size()) return;
    for (const std::size_t link : taken) chosen[link] = true;
  }

  void keep(const std::vector<bool>& chosen) {
    std::vector<std::size_t> place(links_.size(), 0);
    std::vector<FoundLink> kept;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      if (!chosen[i]) continue;
      place[i] = kept.size();
      kept.push_back(links_[i]);
    }
    for (auto& all : explanations_) {
      std::erase_if(all, [&](const Explanation& one) { return !chosen[one.link]; });
      for (auto& one : all) one.link = place[one.link];
      std::ranges::stable_sort(all, std::greater(), &Explanation::parent);
    }
    links_ = std::move(kept);
  }

  std::span<const LearnEvent> events_;
  std::span<const StatementFacts> facts_;
  std::uint64_t window_ns_;
  std::map<std::size_t, std::size_t> statements_;  // by kind
  std::map<FoundLink, std::size_t> link_places_;
  ByValues by_values_;
  std::vector<FoundLink> links_;
  std::vector<std::vector<Explanation>> explanations_;
};

}  // namespace

FoundLinks find_links(std::span<const LearnEvent> events, std::span<const StatementFacts> facts,
                      std::uint64_t window_ns) {
  return LinkFinder(events, facts, window_ns).find();
}

}  // namespace parallax::shadow
