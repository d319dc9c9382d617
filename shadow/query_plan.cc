#include "shadow/query_plan.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

using Json = nlohmann::json;

std::string text_of(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

double number_of(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_number() ? found->get<double>() : 0;
}

// A text, or a list of texts.
std::string listed_texts(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string out;
  for (const Json& member : value.is_array() ? value : Json::array()) {
    if (member.is_string()) out.append(out.empty() ? "" : ", ").append(member.get<std::string>());
  }
  return out;
}

std::string what_of(const Json& node) {
  std::string out = text_of(node, "Node Type");
  const std::string join = text_of(node, "Join Type");
  if (!join.empty() && join != "Inner") out += concat({" (", join, ")"});
  const std::string strategy = text_of(node, "Strategy");
  if (!strategy.empty() && strategy != "Plain") out += concat({" (", strategy, ")"});
  const std::string index = text_of(node, "Index Name");
  if (!index.empty()) out += concat({" using ", index});
  for (const char* key : {"Relation Name", "Function Name", "CTE Name"}) {
    const std::string name = text_of(node, key);
    if (!name.empty()) out += concat({" on ", name});
  }
  const std::string part = text_of(node, "Subplan Name");
  return part.empty() ? out : concat({part, ": ", out});
}

std::vector<std::string> conditions_of(const Json& node) {
  static constexpr std::array kKeys = {"Index Cond",  "Recheck Cond", "Hash Cond", "Merge Cond",
                                       "Join Filter", "Filter",       "Sort Key",  "Presorted Key",
                                       "Group Key",   "TID Cond",     "Order By"};
  std::vector<std::string> out;
  for (const char* key : kKeys) {
    const auto found = node.find(key);
    if (found != node.end()) out.push_back(concat({key, ": ", listed_texts(*found)}));
  }
  return out;
}

}  // namespace

QueryPlan read_plan(std::string_view json) {
  QueryPlan out;
  const Json document = Json::parse(json, nullptr, false);
  if (!document.is_array() || document.empty() || !document[0].is_object()) return out;
  const auto top = document[0].find("Plan");
  if (top == document[0].end()) return out;
  std::vector<std::pair<const Json*, std::size_t>> left{{&*top, 0}};  // the next one last
  while (!left.empty()) {
    const auto [node, depth] = left.back();
    left.pop_back();
    if (!node->is_object()) continue;
    out.push_back({depth, what_of(*node), number_of(*node, "Total Cost"),
                   number_of(*node, "Plan Rows"), conditions_of(*node)});
    const auto children = node->find("Plans");
    if (children == node->end() || !children->is_array()) continue;
    for (std::size_t i = children->size(); i > 0; --i)
      left.emplace_back(&(*children)[i - 1], depth + 1);
  }
  return out;
}

}  // namespace parallax::shadow
