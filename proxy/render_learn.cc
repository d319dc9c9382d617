#include "proxy/render_learn.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <vector>

#include "proxy/row_table.h"
#include "proxy/text.h"

namespace parallax::proxy {
namespace {

constexpr std::size_t kNameWidth = 34;
constexpr std::size_t kTextLeast = 24;

std::string padded(std::string text, std::size_t width, bool right) {
  const std::size_t now = display_width(text);
  if (now >= width) return text;
  return right ? std::string(width - now, ' ') + text : text + std::string(width - now, ' ');
}

std::string milliseconds(double seconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", seconds * 1e3);
  return text.data();
}

std::string listed(const std::vector<std::string>& names) {
  std::string text = escaped(names.front());
  if (names.size() > 1) text += " +" + std::to_string(names.size() - 1);
  return cut_text(text, 0, kNameWidth);
}

// The statement without its values: literals may be anything.
std::string shown_text(const shadow::LearnedStatement& statement) {
  std::string text;
  std::size_t at = 0;
  for (const auto& group : statement.shape.slots) {
    for (const auto& slot : group.members) {
      if (slot.begin < at || slot.end > statement.text.size()) continue;
      text += statement.text.substr(at, slot.begin - at);
      text += '?';
      at = slot.end;
    }
  }
  text += statement.text.substr(at);
  std::string line;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank) line.push_back(c);
    if (blank && !line.empty() && line.back() != ' ') line.push_back(' ');
  }
  return escaped(line);
}

std::string rule_text(const shadow::StatementUse& use) {
  if (use.of_catalog) return "(catalog)";
  if (!use.covered_by.empty()) return listed(use.covered_by);
  if (!use.proposed_in.empty()) return "new: " + listed(use.proposed_in);
  return "none";
}

std::string tags_text(const shadow::LearnedStatement& statement) {
  std::vector<std::string> names;
  for (const auto& [tag, count] : statement.operations)
    if (!tag.empty()) names.push_back(tag);
  return names.empty() ? "" : " [" + listed(names) + ']';
}

std::string side_table(const shadow::LearnedTraffic& traffic, const shadow::Proposals& proposals,
                       shadow::Side side, const TerminalStyle& style) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < traffic.statements.size(); ++i)
    if (traffic.statements[i].side == side) order.push_back(i);
  if (order.empty()) return {};
  std::ranges::stable_sort(order, std::greater(),
                           [&](std::size_t i) { return traffic.statements[i].seconds; });
  std::string text = side == shadow::Side::legacy ? "legacy\n" : "rewrite\n";
  text += painted(style, Colour::faint,
                  "   count   failed  total ms   mean ms  " + padded("rule", kNameWidth, false) +
                      "  statement") +
          '\n';
  constexpr std::size_t kBefore = 40 + kNameWidth + 2;
  const std::size_t room = style.width > kBefore + kTextLeast ? style.width - kBefore : kTextLeast;
  for (const std::size_t i : order) {
    const auto& one = traffic.statements[i];
    const auto rule = padded(rule_text(proposals.uses[i]), kNameWidth, false);
    text += padded(std::to_string(one.count), 8, true) + ' ' +
            padded(std::to_string(one.failed), 8, true) + ' ' +
            padded(milliseconds(one.seconds), 9, true) + ' ' +
            padded(milliseconds(one.seconds / static_cast<double>(one.count)), 9, true) + "  " +
            rule + "  " + cut_text(shown_text(one) + tags_text(one), 0, room) + '\n';
  }
  return text;
}

std::string plural(std::uint64_t count, std::string_view what) {
  return std::to_string(count) + ' ' + std::string(what) + (count == 1 ? "" : "s");
}

}  // namespace

std::string render_traffic(const shadow::LearnedTraffic& traffic,
                           const shadow::Proposals& proposals, const TerminalStyle& style) {
  std::string text = side_table(traffic, proposals, shadow::Side::legacy, style) +
                     side_table(traffic, proposals, shadow::Side::rewrite, style);
  std::string others;
  for (const auto& [command, count] : traffic.other_commands)
    others += (others.empty() ? "" : ", ") + escaped(command) + ' ' + std::to_string(count);
  if (!others.empty()) text += "not SELECT: " + others + '\n';
  if (traffic.unreadable > 0)
    text += plural(traffic.unreadable, "statement") + " that could not be read\n";
  if (traffic.unchosen > 0) text += plural(traffic.unchosen, "statement") + " of neither side\n";
  if (traffic.beyond > 0)
    text +=
        plural(traffic.beyond, "execution") + " of further statements: more are not told apart\n";
  std::uint64_t let_go = 0;
  for (const auto& one : traffic.statements) let_go += one.let_go;
  if (let_go > 0)
    text += plural(let_go, "execution") +
            " counted, but no longer kept as an example: newer ones took the room\n";
  if (text.empty()) text = "nothing has passed\n";
  return text;
}

}  // namespace parallax::proxy
