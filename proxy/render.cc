#include "proxy/render.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "proxy/row_table.h"
#include "proxy/text.h"

namespace parallax::proxy {
namespace {

using shadow::Outcome;
using shadow::Verdict;

constexpr std::size_t kIndent = 6;  // the width of a headline's first word and its gap
constexpr std::size_t kMembersShown = 20;

// "DIFF  rule  text"
std::string headline(const TerminalStyle& style, Colour colour, std::string word,
                     const std::string& rule, const std::string& text) {
  word.resize(kIndent, ' ');
  return painted(style, colour, word) + escaped(rule) + "  " + text + '\n';
}

std::string milliseconds(double seconds) {
  std::array<char, 64> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), seconds * 1e3,
                                 std::chars_format::fixed, 2);
  return std::string(digits.data(), end.ptr) + " ms";
}

std::string rows(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " row" : " rows");
}

std::string with_detail(const std::string& text, const std::string& detail) {
  return detail.empty() ? text : text + ": " + escaped(detail);
}

std::string durations(const Outcome& outcome) {
  const char* const live = outcome.side == shadow::Side::rewrite ? "the rewrite is live; " : "";
  return live + ("legacy " + milliseconds(outcome.legacy_seconds) + ", rewrite " +
                 milliseconds(outcome.rewrite_seconds));
}

std::string match_line(const Outcome& outcome, const TerminalStyle& style) {
  std::string steps;
  for (const auto step : outcome.steps) steps.append(steps.empty() ? "" : ", ").append(name(step));
  const std::string how = steps.empty() ? "" : " (" + steps + ")";
  return headline(style, Colour::green, "ok", outcome.rule->name,
                  "match" + how + ", " + rows(outcome.legacy_rows) + ", " + durations(outcome));
}

std::string hex(const std::string& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\\x";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 15U]);
  }
  return out;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.+-eE") == std::string::npos;
}

std::string value_text(const shadow::Value& value) {
  if (value.null) return "NULL";
  if (value.binary) return hex(value.bytes);
  return is_number(value.bytes) ? value.bytes : '\'' + escaped(value.bytes) + '\'';
}

std::string named_value_text(const shadow::NamedValue& value) {
  if (!value.list) return value.members.empty() ? "NULL" : value_text(value.members.front());
  std::string out = "[";
  const std::size_t shown = std::min(value.members.size(), kMembersShown);
  for (std::size_t i = 0; i < shown; ++i)
    out.append(i == 0 ? "" : ", ").append(value_text(value.members[i]));
  if (shown < value.members.size()) {
    out.append(", … ").append(std::to_string(value.members.size() - shown)).append(" more");
  }
  return out + ']';
}

// Lines "label   text", the texts one below the other.
class Block {
 public:
  void add(std::string label, std::string text) {
    lines_.emplace_back(std::move(label), std::move(text));
  }
  std::string text(const TerminalStyle& style) const {
    std::size_t label_width = 0;
    for (const auto& [label, text] : lines_)
      label_width = std::max(label_width, display_width(label));
    const std::size_t used = kIndent + label_width + 2;
    const std::size_t left = std::max(style.width, used + 20) - used;
    std::string out;
    for (const auto& [label, text] : lines_) {
      out.append(kIndent, ' ').append(label);
      out.append(label_width + 2 - display_width(label), ' ')
          .append(cut_text(text, 0, left))
          .append("\n");
    }
    return out;
  }

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

std::string side_text(const std::string& sqlstate, const std::string& message, std::size_t count,
                      double seconds) {
  if (sqlstate.empty()) return rows(count) + ", " + milliseconds(seconds);
  return with_detail("error " + escaped(sqlstate), message);
}

std::string difference_block(const Outcome& outcome, const std::string& what,
                             const TerminalStyle& style) {
  std::string out = headline(style, Colour::red, "DIFF", outcome.rule->name, what);
  if (!outcome.detail.empty())
    out.append(kIndent, ' ').append(escaped(outcome.detail)).append("\n");
  Block block;
  for (const auto& [value_name, value] : outcome.values) {
    const bool parameter = value_name.starts_with('$');
    block.add(escaped(parameter ? value_name : ':' + value_name), named_value_text(value));
  }
  block.add("legacy", side_text(outcome.legacy_sqlstate, outcome.legacy_message,
                                outcome.legacy_rows, outcome.legacy_seconds));
  block.add("rewrite", side_text(outcome.rewrite_sqlstate, outcome.rewrite_message,
                                 outcome.rewrite_rows, outcome.rewrite_seconds));
  out += block.text(style);
  for (const auto& difference : outcome.differences) {
    out.append("\n")
        .append(kIndent, ' ')
        .append(painted(style, Colour::yellow, std::string(name(difference.kind))));
    out.append("\n").append(row_table(outcome.columns, difference, kIndent, style.width));
  }
  if (outcome.differences.size() == shadow::kDifferencesShown) {
    out.append("\n").append(kIndent, ' ').append("at most ");
    out.append(std::to_string(shadow::kDifferencesShown)).append(" differences are shown\n");
  }
  return out + '\n';
}

std::string verdict_text(const Outcome& outcome, Verdict verdict, const TerminalStyle& style) {
  const std::string what(name(verdict));
  switch (verdict) {
    case Verdict::match:
      return match_line(outcome, style);
    case Verdict::mismatch:
      return difference_block(
          outcome, what + ": " + std::string(outcome.kind ? name(*outcome.kind) : "?"), style);
    case Verdict::rewrite_error:
      return difference_block(outcome, what, style);
    case Verdict::unstable:
    case Verdict::race:
    case Verdict::expected:
    case Verdict::timeout:
      return headline(style, Colour::yellow, "note", outcome.rule->name,
                      with_detail(what, outcome.detail));
  }
  return "";
}

}  // namespace

std::string render_outcome(const Outcome& outcome, const TerminalStyle& style) {
  if (const auto* verdict = std::get_if<Verdict>(&outcome.end))
    return verdict_text(outcome, *verdict, style);
  if (const auto* skipped = std::get_if<shadow::SkipReason>(&outcome.end)) {
    return headline(style, Colour::faint, "skip", outcome.rule->name,
                    with_detail(std::string(name(*skipped)), outcome.detail));
  }
  return headline(
      style, Colour::yellow, "drop", outcome.rule->name,
      with_detail(std::string(name(std::get<shadow::DropReason>(outcome.end))), outcome.detail));
}

std::string render_rule_state(const shadow::Rule& rule, shadow::RuleState state,
                              const std::string& reason, const TerminalStyle& style) {
  const bool bad = state == shadow::RuleState::broken || state == shadow::RuleState::context_drift;
  return headline(style, bad ? Colour::red : Colour::faint, "rule", rule.name,
                  with_detail(std::string(name(state)), reason));
}

std::string render_rule_warning(const shadow::Rule& rule, const std::string& text,
                                const TerminalStyle& style) {
  return headline(style, Colour::yellow, "rule", rule.name, "warning: " + escaped(text));
}

std::string render_breaker(const shadow::Rule* rule, bool open, const std::string& why,
                           const TerminalStyle& style) {
  const bool all = rule == nullptr;
  return headline(style, open ? Colour::red : Colour::faint, all ? "pool" : "rule",
                  all ? "all replays" : rule->name,
                  with_detail(open ? "breaker open" : "breaker closed", why));
}

std::string render_pool_error(const std::string& sqlstate, const std::string& what,
                              const TerminalStyle& style) {
  return headline(style, Colour::red, "pool", sqlstate.empty() ? "not reached" : sqlstate,
                  escaped(what));
}

std::string render_server_note(bool warning, const std::string& text, const TerminalStyle& style) {
  return headline(style, warning ? Colour::yellow : Colour::faint, "pool",
                  warning ? "warning" : "note", escaped(text));
}

std::string render_uncovered(const shadow::UncoveredStatement& statement,
                             const TerminalStyle& style) {
  constexpr const char* kPaste =
      "no rule covers this statement; to be pasted under `rules:` and "
      "finished:";
  const auto* tagged = statement.tagged;
  std::string out =
      tagged == nullptr
          ? painted(style, Colour::yellow, "new   ") + kPaste + '\n'
          : headline(style, Colour::red, "drift", tagged->name,
                     "tagged as `" + escaped(tagged->operation()) + "`, and " + kPaste);
  out += '\n';
  std::string_view rest = statement.skeleton;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    std::string line(rest.substr(0, end));
    std::replace(line.begin(), line.end(), '\t', ' ');  // the same to SQL, and not escaped
    out.append(escaped(line)).append("\n");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out + '\n';
}

}  // namespace parallax::proxy
