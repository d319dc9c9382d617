#include <algorithm>
#include <string>

#include "proxy/config_compare.h"
#include "proxy/config_draft.h"
#include "proxy/text.h"
#include "proxy/value_parsers.h"

namespace parallax::proxy {
namespace {

using shadow::SourceMark;
using shadow::SourceText;

constexpr std::size_t kRuleNameBytesMax = 200;
constexpr std::size_t kStatementsMax = 32;

// A rule's name is a metric label, a log field and an error text.
std::string name_problem(const std::string& name) {
  if (name.empty()) return "a rule needs a name";
  if (name.size() > kRuleNameBytesMax) {
    return "a rule's name has at most " + std::to_string(kRuleNameBytesMax) +
           " bytes; this one has " + std::to_string(name.size());
  }
  if (escaped(name) != name) return "a rule's name has no control characters";
  return "";
}

std::optional<SourceText> read_sql(YamlReader& reader, const YamlEntry& entry) {
  auto sql = reader.sql(entry);
  if (sql && is_blank(sql->text)) {
    reader.problem(entry, "the SQL is empty");
    return std::nullopt;
  }
  return sql;
}

void read_ignore(YamlReader& reader, const YamlEntry& entry, shadow::RuleSource& rule) {
  reader.each(entry.value, entry.path, [&](const YamlEntry& label) {
    const auto reason = reader.text(label);
    if (!reason) return;
    if (is_blank(*reason))
      return reader.problem(label, "write the reason why this column is ignored");
    rule.ignore[label.key] = {*reason, reader.mark(label.value)};
  });
}

// A label or table.column may be plain; an expression is SQL and must be quoted.
bool is_name(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '$' || (static_cast<unsigned char>(c) & 0x80U) != 0;
  });
}

void read_columns(YamlReader& reader, const YamlEntry& entry, shadow::RuleSource& rule) {
  reader.each(entry.value, entry.path, [&](const YamlEntry& label) {
    const bool plain_name = label.value.IsScalar() && is_name(label.value.Scalar());
    auto column = plain_name ? reader.verbatim(label) : reader.sql(label);
    if (!column) return;
    if (is_blank(column->text)) return reader.problem(label, "write the rewrite's column");
    rule.columns[label.key] = std::move(*column);
  });
}

// What its operations are called in tags: `tag: {operation: name}`.
void read_tag(YamlReader& reader, const YamlEntry& entry, shadow::RuleSource& rule) {
  const auto operation = [&](const YamlEntry& at) {
    auto name = reader.text(at);
    if (!name) return;
    if (is_blank(*name))
      return reader.problem(at, "write the operation's name as its tags have it");
    if (name->size() > kRuleNameBytesMax || escaped(*name) != *name) {
      return reader.problem(at, "an operation's name has at most " +
                                    std::to_string(kRuleNameBytesMax) +
                                    " bytes and no control characters");
    }
    rule.operation = std::move(*name);
  };
  if (entry.value.IsMap() && entry.value.size() == 0)
    return reader.problem(entry, "write `{operation: name}`");
  reader.mapping(entry.value, {entry.path, {{"operation", operation}}});
}

// The groups that the rule belongs to; each is named as a rule is.
void read_part_of(YamlReader& reader, const YamlEntry& entry, shadow::RuleSource& rule) {
  for (const SourceText& group : reader.list(entry)) {
    if (is_blank(group.text) || !name_problem(group.text).empty()) {
      reader.problem(group.mark, "a group's name has 1 to " + std::to_string(kRuleNameBytesMax) +
                                     " bytes and no control characters");
    } else if (std::ranges::find(rule.part_of, group.text) != rule.part_of.end()) {
      reader.problem(group.mark, "the group `" + group.text + "` stands here twice");
    } else {
      rule.part_of.push_back(group.text);
    }
  }
}

bool is_statement_name(const std::string& name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && letter(name.front()) && name != "_" &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// Of a side: one, or several by name.
void read_statements(YamlReader& reader, const YamlEntry& entry,
                     std::vector<shadow::StatementSource>& side) {
  if (!entry.value.IsMap()) {
    if (auto sql = read_sql(reader, entry)) side.front().sql = std::move(*sql);
    return;
  }
  if (entry.value.size() == 0) return reader.problem(entry, "write at least one statement");
  std::vector<shadow::StatementSource> statements;
  reader.each(entry.value, entry.path, [&](const YamlEntry& statement) {
    if (!is_statement_name(statement.key)) {
      return reader.problem(statement.key_mark,
                            "a statement's name is a letter or _, then letters, digits and _: "
                            "links write it as `:name.column`");
    }
    if (auto sql = read_sql(reader, statement))
      statements.push_back({statement.key, std::move(*sql)});
  });
  if (statements.size() > kStatementsMax) {
    return reader.problem(
        entry, "an operation has at most " + std::to_string(kStatementsMax) + " statements");
  }
  if (!statements.empty()) side = std::move(statements);
}

void read_rule(YamlReader& reader, const YamlEntry& entry, DraftRule& rule, Problems& warnings) {
  shadow::RuleSource& source = rule.source;
  bool has_legacy = false;
  bool has_rewrite = false;
  const auto legacy = [&](const YamlEntry& at) {
    has_legacy = true;
    read_statements(reader, at, source.legacy);
  };
  const auto rewrite = [&](const YamlEntry& at) {
    has_rewrite = true;
    read_statements(reader, at, source.rewrite);
  };
  const auto sample = [&](const YamlEntry& at) {
    if (double ratio = 0; reader.value(at, ratio, parse_ratio)) rule.sample = ratio;
  };
  const auto mode = [&](const YamlEntry& at) {
    if (auto own = shadow::Mode::off; reader.value(at, own, parse_mode)) source.mode = own;
  };
  const auto expect = [&](const YamlEntry& at) { read_expect(reader, at, source, warnings); };
  reader.mapping(entry.value,
                 {entry.path,
                  {{"legacy", legacy},
                   {"rewrite", rewrite},
                   {"ignore", [&](const YamlEntry& at) { read_ignore(reader, at, source); }},
                   {"columns", [&](const YamlEntry& at) { read_columns(reader, at, source); }},
                   {"sample", sample},
                   {"mode", mode},
                   {"compare", [&](const YamlEntry& at) { read_compare(reader, at, source); }},
                   {"expect", expect},
                   {"let", [&](const YamlEntry& at) { read_let(reader, at, source); }},
                   {"part_of", [&](const YamlEntry& at) { read_part_of(reader, at, source); }},
                   {"tag", [&](const YamlEntry& at) { read_tag(reader, at, source); }}},
                  {}});
  if (!entry.value.IsMap()) return;
  const std::string name = '`' + entry.path + '`';
  if (!has_legacy)
    reader.problem(entry.key_mark,
                   name + " has no `legacy`: write the statement that the client sends");
  if (!has_rewrite)
    reader.problem(entry.key_mark,
                   name + " has no `rewrite`: write the statement to compare it with");
}

std::string place_text(const SourceMark& mark) {
  return mark.file + ':' + std::to_string(mark.line) + ':' + std::to_string(mark.column);
}

}  // namespace

void read_rules(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft) {
  reader.each(entry.value, entry.path, [&](const YamlEntry& at) {
    const std::string problem = name_problem(at.key);
    if (!problem.empty()) return reader.problem(at.key_mark, problem);
    const auto [first, is_new] = draft.rule_places.emplace(at.key, at.key_mark);
    if (!is_new) {
      reader.problem(at.key_mark,
                     "the rule `" + at.key + "` stands also in " + place_text(first->second));
    }
    DraftRule rule;
    rule.source.name = {at.key, at.key_mark};
    read_rule(reader, at, rule, draft.config.warnings);
    draft.rules.push_back(std::move(rule));
  });
}

}  // namespace parallax::proxy
