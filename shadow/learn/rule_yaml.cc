#include "shadow/learn/rule_yaml.h"

#include <algorithm>
#include <string_view>

#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

constexpr std::string_view kSqlIndent = "      ";
constexpr std::string_view kDeepSqlIndent = "        ";

constexpr std::string_view kHead =
    " as comments that say what is missing.\n"
    "# Read them, give them the names that you want, save them, and ask the server:\n"
    "# parallax check -c FILE --online\n";

// A key or value that YAML reads as this text.
std::string scalar(std::string_view text) {
  const bool plain = !text.empty() && text.front() != '-' && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '$';
  });
  const bool letter = std::ranges::any_of(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; });
  const bool word = text == "true" || text == "false" || text == "null" || text == "yes" ||
                    text == "no" || text == "on" || text == "off";
  if (plain && letter && !word) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) {
    if (c >= 0 && c < ' ') {
      quoted.push_back(' ');
      continue;
    }
    quoted.push_back(c);
    if (c == '\'') quoted.push_back(c);
  }
  return quoted + "'";
}

// SQL must be quoted or a block, however plain it is.
std::string quoted_sql(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

std::string block(std::string_view sql, std::string_view indent) {
  std::string text = concat({" |\n", indent});
  for (const char c : sql) {
    text.push_back(c);
    if (c == '\n') text += indent;
  }
  return text + "\n";
}

std::string comment(std::string_view text) {
  std::string out = "  # ";
  for (const char c : text) out.push_back(c >= 0 && c < ' ' ? ' ' : c);
  return out + "\n";
}

std::string body(const ProposedRule& rule) {
  std::string text = concat({"  ", scalar(rule.name), ":\n    legacy:"});
  if (rule.legacy.size() == 1 && rule.legacy.front().name.empty()) {
    text += block(rule.legacy.front().sql, kSqlIndent);
  } else {
    text += "\n";
    for (const ProposedStatement& one : rule.legacy)
      text += concat({"      ", one.name, ":", block(one.sql, kDeepSqlIndent)});
  }
  text +=
      rule.rewrite.empty()
          ? "    rewrite: |\n      -- Write the statement that replaces it, with the names above.\n"
          : concat({"    rewrite:", block(rule.rewrite, kSqlIndent)});
  if (!rule.let.empty()) text += "    let:\n";
  for (const auto& [name, expression] : rule.let)
    text += concat({"      ", name, ": ", quoted_sql(expression), "\n"});
  if (!rule.columns.empty()) text += "    columns:\n";
  for (const auto& [label, column] : rule.columns)
    text += concat({"      ", scalar(label), ": ", scalar(column), "\n"});
  return text;
}

// As a comment, to be taken in by a person who knows why.
std::string unpaired(const ProposedRule& rule) {
  if (rule.without_pair.empty()) return {};
  std::string text =
      "    # No counterpart in the rewrite: it is `broken` until one is named, or a reason "
      "given:\n    # ignore:\n";
  for (const auto& label : rule.without_pair)
    text += concat({"    #   ", scalar(label), ": 'why it does not matter'\n"});
  return text;
}

std::string commented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out += concat({"  # ",
                   text.substr(std::min<std::size_t>(2, end), end - std::min<std::size_t>(2, end)),
                   "\n"});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool loads(const ProposedRule& rule) { return rule.problems.empty() && !rule.rewrite.empty(); }

std::string rule_text(const ProposedRule& rule) {
  std::string text;
  for (const auto& sentence : rule.evidence) text += comment(sentence);
  if (loads(rule)) return text + body(rule) + unpaired(rule);
  for (const auto& problem : rule.problems) text += comment(concat({"To do: ", problem}));
  return text + commented(body(rule) + unpaired(rule));
}

}  // namespace

std::string rules_yaml(const std::vector<ProposedRule>& rules) {
  std::string text;
  const auto count = std::ranges::count_if(rules, loads);
  text += concat({"# Proposed by `parallax learn`: ", std::to_string(count), " rules that load, ",
                  std::to_string(rules.size() - static_cast<std::size_t>(count)), kHead});
  text += count == 0 ? "rules: {}\n" : "rules:\n";
  for (const bool good : {true, false}) {
    for (const ProposedRule& rule : rules)
      if (loads(rule) == good) text += concat({"\n", rule_text(rule)});
  }
  return text;
}

}  // namespace parallax::shadow
