#include "shadow/power/mutants.h"

#include <map>
#include <set>
#include <utility>
#include <variant>

#include "shadow/power/mistakes.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

constexpr std::size_t kDescribedBytesMax = 100;

Mistakes mistakes_in(const std::string& text, const RewriteFacts& facts) {
  const SqlOutline sql(text);
  Mistakes mistakes;
  add_condition_mistakes(sql, mistakes);
  add_row_mistakes(sql, facts, mistakes);
  add_page_mistakes(sql, facts, mistakes);
  add_name_mistakes(text, facts, mistakes);
  add_column_mistakes(sql, facts, mistakes);
  return mistakes;
}

// The rule with the mistake; null where that is none that a rule can have.
std::shared_ptr<const RuleSet> with_mistake(RuleSource rule, std::size_t statement,
                                            const Mistake& mistake) {
  auto& sql = rule.rewrite[statement].sql;
  sql.text = edited(sql.text, mistake.edits);
  sql.mark.inexact = true;
  for (const auto& [legacy, rewrite] : mistake.columns)
    rule.columns[legacy] = {rewrite, rule.name.mark};
  std::vector<RuleSource> sources;
  sources.push_back(std::move(rule));
  auto compiled = RuleSet::compile(std::move(sources));
  auto* rules = std::get_if<RuleSet>(&compiled);
  return rules == nullptr ? nullptr : std::make_shared<const RuleSet>(std::move(*rules));
}

}  // namespace

std::string short_sql(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
    if (blank && (out.empty() || out.back() == ' ')) continue;
    out.push_back(blank ? ' ' : c);
  }
  if (out.size() <= kDescribedBytesMax) return out;
  auto end = kDescribedBytesMax;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
  return out.substr(0, end).append("...");
}

TextEdit replaced(const SqlOutline& sql, TokenSpan span, std::string text) {
  return {sql.tokens()[span.first].begin, sql.tokens()[span.last - 1].end, std::move(text)};
}

std::string edited(std::string_view sql, const std::vector<TextEdit>& edits) {
  std::string out;
  std::size_t at = 0;
  for (const TextEdit& edit : edits) {
    out.append(sql.substr(at, edit.begin - at)).append(edit.text);
    at = edit.end;
  }
  return out.append(sql.substr(at));
}

Mutants mutants_of(const RuleSource& rule, const RewriteFacts& facts) {
  Mutants mutants;
  // What is the same to the version is the same rule.
  std::set<std::string> known;
  if (const auto unchanged = with_mistake(rule, 0, {}))
    known.insert(unchanged->rules().front()->version);
  const bool several = rule.rewrite.size() > 1;
  std::map<std::string, int> told;  // how often each description
  for (std::size_t i = 0; i < rule.rewrite.size(); ++i) {
    const auto& statement = rule.rewrite[i];
    for (auto& mistake : mistakes_in(statement.sql.text, facts)) {
      auto rules = with_mistake(rule, i, mistake);
      if (rules == nullptr || !known.insert(rules->rules().front()->version).second) continue;
      if (mutants.all.size() == kMutantsMax) {
        ++mutants.left_out;
        continue;
      }
      auto description = std::move(mistake.description);
      if (several) description = concat({statement.name, ": ", description});
      const int times = ++told[description];
      if (times > 1) description.append(concat({" (", std::to_string(times), ")"}));
      mutants.all.push_back({std::move(description), std::move(rules)});
    }
  }
  return mutants;
}

}  // namespace parallax::shadow
