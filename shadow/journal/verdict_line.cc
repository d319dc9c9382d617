#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "shadow/journal/journal_json.h"
#include "shadow/journal/journal_lines.h"
#include "shadow/rules/rewrite_select.h"
#include "shadow/rules/values.h"

namespace parallax::shadow {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char each : bytes) {
    const auto byte = static_cast<unsigned char>(each);
    text += {kHexDigits[byte >> 4], kHexDigits[byte & 0xF]};
  }
  return text;
}

// To the microsecond.
double milliseconds(double seconds) { return std::round(seconds * 1e6) / 1e3; }

// The beginning of a long text, at the border of a UTF-8 character.
std::string shortened(const std::string& text) {
  if (text.size() <= kJournalCellBytesMax) return text;
  auto end = kJournalCellBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "... (" + std::to_string(text.size()) + " bytes)";
}

JournalJson value_json(const Value& value, const JournalStyle& style) {
  if (value.null) return nullptr;
  if (!style.full_values) return style.hash.text(hashed_bytes(value));
  if (auto text = text_of(value)) return *std::move(text);
  return {{"type", value.type_oid}, {"hex", hex(value.bytes)}};
}

JournalJson parameters_json(const NamedValues& values, const JournalStyle& style) {
  auto parameters = JournalJson::object();
  for (const auto& [name, value] : values) {
    auto members = JournalJson::array();
    for (const auto& member : value.members) members.push_back(value_json(member, style));
    const bool scalar = !value.list && members.size() == 1;
    parameters[name] = scalar ? members.front() : members;
  }
  return parameters;
}

JournalJson settings_json(const ReplayContext& context, const JournalStyle& style) {
  auto settings = JournalJson::array();
  for (const auto& [name, value] : context.settings) {
    settings.push_back({name, style.full_values ? value : style.hash.text(value)});
  }
  return settings;
}

JournalJson row_json(const std::optional<ReportRow>& row, const JournalStyle& style) {
  if (!row) return nullptr;
  auto cells = JournalJson::array();
  for (const auto& cell : *row) {
    if (!cell) {
      cells.push_back(nullptr);
    } else {
      cells.push_back(style.full_values ? shortened(*cell) : style.hash.text(*cell));
    }
  }
  return cells;
}

JournalJson differences_json(const Outcome& outcome, const JournalStyle& style) {
  auto differences = JournalJson::array();
  for (const auto& difference : outcome.differences) {
    JournalJson one;
    one["kind"] = name(difference.kind);
    one["legacy"] = row_json(difference.legacy, style);
    one["rewrite"] = row_json(difference.rewrite, style);
    differences.push_back(std::move(one));
  }
  return differences;
}

// A text, or an object of several by name.
JournalJson sql_json(const std::vector<StatementSource>& statements) {
  if (statements.size() == 1) return statements.front().sql.text;
  JournalJson json;
  for (const auto& statement : statements) json[statement.name] = statement.sql.text;
  return json;
}

void add_sql(JournalJson& line, const Outcome& outcome) {
  line["legacy_sql"] = sql_json(outcome.rule->source.legacy);
  line["rewrite_sql"] = sql_json(outcome.rule->source.rewrite);
  const std::string& select = outcome.rule->source.compare.select.text;
  if (!select.empty())
    line["rewrite_sql"] =
        with_select(outcome.rule->source, outcome.rule->source.rewrite.front().sql.text);
}

void add_sides(JournalJson& line, const Outcome& outcome) {
  if (!outcome.legacy_sqlstate.empty()) line["legacy_sqlstate"] = outcome.legacy_sqlstate;
  if (!outcome.rewrite_sqlstate.empty()) line["rewrite_sqlstate"] = outcome.rewrite_sqlstate;
  line["legacy_rows"] = outcome.legacy_rows;
  line["rewrite_rows"] = outcome.rewrite_rows;
  line["live_ms"] = milliseconds(outcome.live_seconds);
  line["legacy_ms"] = milliseconds(outcome.legacy_seconds);
  line["rewrite_ms"] = milliseconds(outcome.rewrite_seconds);
}

void add_values(JournalJson& line, const Outcome& outcome, const JournalStyle& style) {
  line["values"] = style.full_values ? "full" : "hashed";
  line["parameters"] = parameters_json(outcome.values, style);
  if (outcome.context) {
    if (style.full_values) line["user"] = outcome.context->user;
    line["settings"] = settings_json(*outcome.context, style);
  }
  if (outcome.differences.empty()) return;
  line["columns"] = outcome.columns;
  line["differences"] = differences_json(outcome, style);
}

}  // namespace

std::string verdict_line(const Outcome& outcome, Verdict verdict, const JournalEntry& entry,
                         const JournalStyle& style) {
  auto line = begin_line("verdict", entry.time, *outcome.rule, style.hash);
  line["id"] = entry.id;
  line["verdict"] = name(verdict);
  if (outcome.kind) line["kind"] = name(*outcome.kind);
  line["side"] = name(outcome.side);
  if (!outcome.detail.empty()) line["detail"] = outcome.detail;
  if (outcome.live_compared) line["live_differs"] = outcome.live_differs;
  if (entry.suppressed != 0) line["suppressed"] = entry.suppressed;
  add_sql(line, outcome);
  add_sides(line, outcome);
  for (const auto step : outcome.steps) line["steps"].push_back(name(step));
  add_values(line, outcome, style);
  for (const char* long_one : {"differences", "parameters"}) {
    auto text = dumped(line);
    if (text.size() <= kJournalLineBytesMax) return text;
    line.erase(long_one);
    line["cut"].push_back(long_one);
  }
  return dumped(line);
}

std::optional<std::string> sample_line(const Outcome& outcome, const JournalEntry& entry,
                                       const JournalStyle& style) {
  auto line = begin_line("sample", entry.time, *outcome.rule, style.hash);
  line["id"] = entry.id;
  line["side"] = name(outcome.side);
  line["vacuous"] = outcome.vacuous;
  add_sides(line, outcome);
  add_values(line, outcome, style);
  auto text = dumped(line);
  if (text.size() > kSampleLineBytesMax) return std::nullopt;
  return text;
}

}  // namespace parallax::shadow
