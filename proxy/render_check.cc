#include "proxy/render_check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/text.h"

namespace parallax::proxy {
namespace {

using shadow::CheckedPair;
using shadow::CheckedRule;
using shadow::QueryPlan;
using shadow::RuleState;

constexpr std::size_t kStateWidth = 12;
constexpr std::size_t kIndent = 4;
// A rewrite that the planner takes to be so much dearer is told.
constexpr double kDearer = 10;

std::string_view state_word(const CheckedRule& checked) {
  if (checked.state == RuleState::ready && !checked.problems.empty()) return "fails";
  return name(checked.state);
}

std::string indented(std::size_t more, std::string_view text) {
  return std::string(kIndent + more, ' ').append(text).append("\n");
}

std::string how_paired(const CheckedPair& pair) {
  switch (pair.by) {
    case shadow::PairedBy::name:
      return "named";
    case shadow::PairedBy::column:
      return "same column";
    case shadow::PairedBy::left_over:
      return "left over";
  }
  return "";
}

std::string types_text(const CheckedPair& pair) {
  std::string out = escaped(pair.legacy_type);
  if (pair.legacy_type == pair.rewrite_type) return out;
  out.append(" against ").append(escaped(pair.rewrite_type));
  if (!pair.comparable) return out.append(" (mismatch: column_type)");
  out.append(" (compared by value");
  if (pair.step) out.append(": ").append(name(*pair.step));
  return out.append(")");
}

// Cells of rows, each column as wide as its widest cell.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line.append(row[i]);
      if (i + 1 < row.size()) line.append(widths[i] + 2 - display_width(row[i]), ' ');
    }
    out.append(indented(0, line));
  }
  return out;
}

std::string pairs_text(const CheckedRule& checked) {
  std::vector<std::vector<std::string>> rows;
  for (const CheckedPair& pair : checked.pairs) {
    rows.push_back(
        {escaped(pair.legacy), "-> " + escaped(pair.rewrite), how_paired(pair), types_text(pair)});
  }
  if (rows.empty()) return {};
  for (const auto& [label, reason] : checked.rule->source.ignore) {
    rows.push_back({escaped(label), "ignored", escaped(reason.text)});
  }
  return table(rows);
}

std::string number(double value, int decimals) {
  std::array<char, 400> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 std::chars_format::fixed, decimals);
  return {digits.data(), end.ptr};
}

std::string cost_text(const shadow::PlanNode& node) {
  std::string out = "cost ";
  out.append(number(node.cost, 2)).append(", ").append(number(node.rows, 0));
  return out.append(node.rows == 1 ? " row" : " rows");
}

// "Limit (Nested Loop (Index Scan using a on b, Seq Scan on c))"
std::string shape_text(const QueryPlan& plan) {
  std::string out;
  std::size_t depth = 0;
  for (const auto& node : plan) {
    if (node.depth > depth) {
      out.append(" (");
    } else if (!out.empty()) {
      out.append(depth - node.depth, ')').append(", ");
    }
    out.append(escaped(node.what));
    depth = node.depth;
  }
  return out.append(depth, ')');
}

std::string plan_text(std::string_view side, const QueryPlan& plan, bool whole) {
  std::string line(side);
  if (plan.empty()) return indented(0, line.append("none"));
  line.append(cost_text(plan.front()));
  if (!whole) return indented(0, line.append(": ").append(shape_text(plan)));
  std::string out = indented(0, line);
  for (const auto& node : plan) {
    const std::size_t more = 2 * (node.depth + 1);
    out.append(indented(more, escaped(node.what) + "  (" + cost_text(node) + ")"));
    for (const auto& condition : node.conditions)
      out.append(indented(more + 4, escaped(condition)));
  }
  return out;
}

std::string plans_text(const CheckedRule& checked, bool whole) {
  const auto& legacy = checked.legacy_plan;
  const auto& rewrite = checked.rewrite_plan;
  if (legacy.empty() && rewrite.empty()) return {};
  return plan_text("legacy plan:  ", legacy, whole) + plan_text("rewrite plan: ", rewrite, whole);
}

// What is worth a look though the rule is ready.
std::vector<std::string> warnings_of(const CheckedRule& checked) {
  auto out = checked.notes;
  const auto& legacy = checked.legacy_plan;
  const auto& rewrite = checked.rewrite_plan;
  if (legacy.empty() || rewrite.empty() || legacy.front().cost <= 0) return out;
  const double ratio = rewrite.front().cost / legacy.front().cost;
  if (ratio >= kDearer) {
    out.push_back("the planner takes the rewrite to cost " + number(ratio, 0) +
                  " times as much as legacy");
  }
  return out;
}

}  // namespace

std::string render_checked_rule(const CheckedRule& checked, bool whole_plans,
                                const TerminalStyle& style) {
  std::string word(state_word(checked));
  word.resize(std::max(word.size() + 1, kStateWidth), ' ');
  const Colour colour = checked.good()                           ? Colour::green
                        : checked.state == RuleState::unverified ? Colour::yellow
                                                                 : Colour::red;
  std::string out = painted(style, colour, word) + escaped(checked.rule->name) + '\n';
  for (const auto& problem : checked.problems) out.append(indented(0, escaped(problem.text())));
  for (const auto& warning : warnings_of(checked))
    out.append(indented(0, painted(style, Colour::yellow, "warning: ") + escaped(warning)));
  return out + pairs_text(checked) + plans_text(checked, whole_plans);
}

std::string render_check_summary(const shadow::OnlineFindings& findings) {
  const std::size_t rules = findings.rules.size();
  std::string out = std::to_string(rules) + (rules == 1 ? " rule" : " rules");
  const char* separator = ": ";
  for (const std::string_view word : {"ready", "fails", "broken", "unverified"}) {
    const auto count = std::ranges::count_if(
        findings.rules, [word](const CheckedRule& checked) { return state_word(checked) == word; });
    if (count == 0) continue;
    out.append(separator).append(std::to_string(count)).append(" ").append(word);
    separator = ", ";
  }
  return out + '\n';
}

}  // namespace parallax::proxy
