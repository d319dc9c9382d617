#include "shadow/strict/strict_message.h"

#include <algorithm>
#include <string>
#include <variant>

#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

constexpr std::size_t kCellBytes = 60;
constexpr std::size_t kColumnsShown = 4;
constexpr std::size_t kDifferences = 3;

// A part of a character at the end is left out.
std::string shortened(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
  text.resize(bytes);
  return text + "...";
}

std::string cell_text(const std::optional<std::string>& cell) {
  return cell ? concat({"'", shortened(*cell, kCellBytes), "'"}) : "NULL";
}

std::string row_text(const std::vector<std::string>& columns, const ReportRow& row) {
  std::string out;
  const std::size_t shown = std::min({row.size(), columns.size(), kColumnsShown});
  for (std::size_t i = 0; i < shown; ++i)
    out += concat({out.empty() ? "" : ", ", columns[i], "=", cell_text(row[i])});
  return concat({"(", out, shown < row.size() ? ", ..." : "", ")"});
}

std::string changed_text(const std::vector<std::string>& columns, const ReportRow& legacy,
                         const ReportRow& rewrite) {
  std::string out;
  std::size_t told = 0;
  for (std::size_t i = 0; i < std::min({legacy.size(), rewrite.size(), columns.size()}); ++i) {
    if (legacy[i] == rewrite[i] || told++ >= kColumnsShown) continue;
    out += concat({out.empty() ? "" : ", ", columns[i], " is ", cell_text(legacy[i]),
                   " in legacy and ", cell_text(rewrite[i]), " in the rewrite"});
  }
  return out;
}

std::string difference_text(const Outcome& outcome, const RowDifference& difference) {
  const auto& columns = outcome.columns;
  if (!difference.rewrite && difference.legacy)
    return concat({"only legacy has ", row_text(columns, *difference.legacy)});
  if (!difference.legacy && difference.rewrite)
    return concat({"only the rewrite has ", row_text(columns, *difference.rewrite)});
  if (!difference.legacy) return "";
  return concat({"row ", row_text(columns, *difference.legacy), ": ",
                 changed_text(columns, *difference.legacy, *difference.rewrite)});
}

std::string side_text(std::string_view side, const std::string& sqlstate,
                      const std::string& message) {
  return sqlstate.empty() ? "" : concat({"; ", side, ": ", sqlstate, " ", message});
}

StrictRefusal mismatch(const Outcome& outcome, std::string_view what) {
  std::string text = concat({"parallax: ", outcome.rule->name, ": ", what});
  if (!outcome.detail.empty()) text += concat({": ", outcome.detail});
  text += side_text("legacy", outcome.legacy_sqlstate, outcome.legacy_message);
  text += side_text("rewrite", outcome.rewrite_sqlstate, outcome.rewrite_message);
  std::size_t told = 0;
  for (const RowDifference& difference : outcome.differences) {
    if (told++ == kDifferences) break;
    if (const auto one = difference_text(outcome, difference); !one.empty()) text += "; " + one;
  }
  if (!outcome.journal_id.empty()) text += concat({" [journal ", outcome.journal_id, "]"});
  return {std::string(kStrictMismatch), std::move(text)};
}

}  // namespace

StrictRefusal uncompared_refusal(const Rule& rule, std::string_view why) {
  return {std::string(kStrictUncompared),
          concat({"parallax: ", rule.name, ": not compared: ", why,
                  " (strict.uncompared: allow would let it pass)"})};
}

std::optional<StrictRefusal> refusal_of(const Outcome& outcome, const StrictOptions& options) {
  const auto unless_allowed = [&](std::string_view why) -> std::optional<StrictRefusal> {
    if (!options.fail_uncompared) return std::nullopt;
    return uncompared_refusal(*outcome.rule,
                              outcome.detail.empty() ? why : concat({why, ", ", outcome.detail}));
  };
  if (const auto* skip = std::get_if<SkipReason>(&outcome.end)) return unless_allowed(name(*skip));
  if (const auto* drop = std::get_if<DropReason>(&outcome.end)) return unless_allowed(name(*drop));
  const Verdict verdict = std::get<Verdict>(outcome.end);
  switch (verdict) {
    case Verdict::match:
    case Verdict::race:
    case Verdict::expected:
      return std::nullopt;
    case Verdict::mismatch:
      return mismatch(outcome,
                      concat({"mismatch (", outcome.kind ? name(*outcome.kind) : "", ")"}));
    case Verdict::rewrite_error:
      return mismatch(outcome, name(verdict));
    case Verdict::unstable:
    case Verdict::timeout:
      return unless_allowed(name(verdict));
  }
  return std::nullopt;
}

}  // namespace parallax::shadow
