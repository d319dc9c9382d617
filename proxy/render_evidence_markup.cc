#include <algorithm>

#include "proxy/render_evidence.h"
#include "proxy/text.h"

namespace parallax::proxy {

namespace {

using shadow::EvidenceExample;
using shadow::RuleStanding;
using shadow::Standings;

constexpr const char* kHtmlHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parallax report</title>
<style>
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6676; --page: #fbfcfe; --line: #dde3eb; --card: #fff;
  --good: #18794e; --bad: #c62a2f; --open: #9a5b00; --mark: #fde2e2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf2; --soft: #9aa7b8; --page: #11151c; --line: #2a3240;
  --card: #181e28; --good: #4cc38a; --bad: #ff7b7e; --open: #f1a10d; --mark: #4d2328; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2rem auto; max-width: 64rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--good); border-radius: 6px; padding: .8rem 1rem; margin: 1rem 0; }
section.failed { border-left-color: var(--bad); } section.missing { border-left-color: var(--open); }
.word { float: right; font-weight: 600; color: var(--good); } .failed .word, .failed .why { color: var(--bad); }
.missing .word, .missing .why { color: var(--open); } .soft { color: var(--soft); font-weight: 400; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .6rem 0; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
details { margin-top: .5rem; } .scroll { overflow-x: auto; }
table { border-collapse: collapse; font: 13px/1.4 ui-monospace, monospace; margin: .4rem 0; } th, td { border: 1px solid var(--line); padding: .15rem .5rem; text-align: left; white-space: pre-wrap; }
td.differs { background: var(--mark); } td i { color: var(--soft); }
</style>
</head>
<body>
)";

std::string entry(std::string_view name, const std::string& text) {
  if (text.empty()) return {};
  return "<dt>" + markup(name) + "</dt><dd>" + markup(text) + "</dd>\n";
}

std::string cell(const std::optional<EvidenceExample::Row>& row, std::size_t column, bool differs) {
  std::string out = differs ? "<td class=\"differs\">" : "<td>";
  if (!row) {
    out += "<i>no row</i>";
  } else if (column >= row->size() || !(*row)[column]) {
    out += "<i>NULL</i>";
  } else {
    out += markup(escaped(*(*row)[column]));
  }
  return out + "</td>";
}

std::string difference_html(const EvidenceExample& example,
                            const EvidenceExample::Difference& difference) {
  std::string out = "<div class=\"scroll\"><table><tr><th>" + markup(difference.kind) +
                    "</th><th>legacy</th><th>rewrite</th></tr>\n";
  for (std::size_t i = 0; i < example.columns.size(); ++i) {
    const auto of = [&](const std::optional<EvidenceExample::Row>& row) {
      return row && i < row->size() ? (*row)[i] : std::nullopt;
    };
    const bool differs = difference.legacy.has_value() != difference.rewrite.has_value() ||
                         of(difference.legacy) != of(difference.rewrite);
    out += "<tr><th>" + markup(example.columns[i]) + "</th>" + cell(difference.legacy, i, differs) +
           cell(difference.rewrite, i, differs) + "</tr>\n";
  }
  return out + "</table></div>\n";
}

std::string example_html(const EvidenceExample& example) {
  std::string out = "<details><summary>" + markup(example.verdict + " " + example.kind) +
                    " <span class=\"soft\">" + markup(example.id) + "</span></summary>\n<dl>";
  out += entry("detail", example.detail);
  out += entry("legacy", example.legacy_sqlstate.empty()
                             ? std::to_string(example.legacy_rows) + " rows"
                             : "SQLSTATE " + example.legacy_sqlstate);
  out += entry("rewrite", example.rewrite_sqlstate.empty()
                              ? std::to_string(example.rewrite_rows) + " rows"
                              : "SQLSTATE " + example.rewrite_sqlstate);
  for (const auto& [name, value] : example.parameters) out += entry(":" + name, value);
  out += "</dl>\n";
  for (const auto& difference : example.differences) out += difference_html(example, difference);
  return out + "</details>\n";
}

std::string latency_html(const RuleStanding& standing) {
  const auto& seen = standing.current;
  const auto ratio = seen.latency_ratio();
  if (!ratio) return {};
  return entry("legacy p50, p95", milliseconds_text(seen.legacy.quantile(0.5)) + ", " +
                                      milliseconds_text(seen.legacy.quantile(0.95))) +
         entry("rewrite p50, p95", milliseconds_text(seen.rewrite.quantile(0.5)) + ", " +
                                       milliseconds_text(seen.rewrite.quantile(0.95))) +
         entry("means", "1 : " + shadow::short_number(*ratio));
}

std::string rule_html(const RuleStanding& standing) {
  const auto& seen = standing.current;
  const bool failed = !standing.failures.empty();
  std::string out = standing.good() ? "<section>"
                    : failed        ? "<section class=\"failed\">"
                                    : "<section class=\"missing\">";
  out += std::string("<span class=\"word\">") +
         (standing.good() ? "fine"
          : failed        ? "failed"
                          : "missing") +
         "</span><h2>" + markup(standing.rule) + " <span class=\"soft\">" + markup(seen.version) +
         "</span></h2>\n";
  for (const auto* reasons : {&standing.failures, &standing.missing}) {
    for (const auto& reason : *reasons) out += "<div class=\"why\">" + markup(reason) + "</div>\n";
  }
  out += "<dl>" + entry("operations", std::to_string(seen.operations)) +
         entry("verdicts", counts_text(seen.verdicts())) + entry("kinds", counts_text(seen.kinds)) +
         entry("skipped", counts_text(seen.skipped)) + entry("dropped", counts_text(seen.dropped)) +
         entry("vacuous", shadow::short_number(seen.vacuous_share() * 100) + " % of matches") +
         entry("distinct parameters", std::to_string(seen.distinct_estimate())) +
         latency_html(standing) + "</dl>\n";
  for (const auto& note : standing.notes) out += "<div class=\"soft\">" + markup(note) + "</div>\n";
  for (const auto& example : seen.examples) out += example_html(example);
  return out + "</section>\n";
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& one : lines) out += (out.empty() ? "" : "; ") + one;
  return out;
}

std::string junit_details(const RuleStanding& standing) {
  std::string out = "verdicts: " + counts_text(standing.current.verdicts()) + "\n";
  for (const auto& example : standing.current.examples)
    out += example.id + ": " + example.verdict + " " + example.kind + " " + example.detail + "\n";
  return out;
}

std::string junit_case(const RuleStanding& standing) {
  std::string out =
      "    <testcase classname=\"parallax\" name=\"" + markup(standing.rule) + "\" time=\"0\">";
  if (!standing.failures.empty()) {
    out += "\n      <failure type=\"difference\" message=\"" + markup(joined(standing.failures)) +
           "\">" + markup(junit_details(standing)) + "</failure>\n    ";
  } else if (!standing.missing.empty()) {
    out += "\n      <error type=\"not_compared\" message=\"" + markup(joined(standing.missing)) +
           "\">" + markup(junit_details(standing)) + "</error>\n    ";
  } else if (standing.current.comparisons() == 0) {
    out += "\n      <skipped message=\"nothing was compared\"/>\n    ";
  }
  return out + "</testcase>\n";
}

}  // namespace

std::string markup(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto size = utf8_length(text);
    const auto one = text.substr(0, std::max<std::size_t>(size, 1));
    text.remove_prefix(one.size());
    const auto byte = static_cast<unsigned char>(one.front());
    const bool not_xml = size == 0 || (byte < 0x20 && byte != '\n' && byte != '\t') ||
                         one == "\xEF\xBF\xBE" || one == "\xEF\xBF\xBF";
    if (not_xml) {
      out += "\xEF\xBF\xBD";
    } else if (one == "&") {
      out += "&amp;";
    } else if (one == "<") {
      out += "&lt;";
    } else if (one == ">") {
      out += "&gt;";
    } else if (one == "\"") {
      out += "&quot;";
    } else if (one == "'") {
      out += "&#39;";
    } else {
      out += one;
    }
  }
  return out;
}

std::string render_report_html(const Standings& standings) {
  std::string out = kHtmlHead;
  out += "<h1>Parallax report</h1>\n<p>" + std::to_string(standings.good_rules()) + " of " +
         std::to_string(standings.rules.size()) + " rules fine</p>\n";
  for (const auto& group : standings.groups) {
    out += "<p>group <b>" + markup(group.name) + "</b>: " +
           (group.not_good.empty() ? "fine"
                                   : "not fine because of " + markup(joined(group.not_good))) +
           "</p>\n";
  }
  // What needs a look comes first.
  auto rules = standings.rules;
  std::ranges::stable_sort(rules, {}, [](const RuleStanding& rule) {
    return rule.good() ? 2 : rule.failures.empty() ? 1 : 0;
  });
  for (const auto& rule : rules) out += rule_html(rule);
  for (const auto& rule : standings.not_configured)
    out += "<p class=\"soft\">not in the configuration: " + markup(rule) + "</p>\n";
  return out + "</body>\n</html>\n";
}

std::string render_report_junit(const Standings& standings) {
  const auto& rules = standings.rules;
  const auto failures =
      std::ranges::count_if(rules, [](const auto& rule) { return !rule.failures.empty(); });
  const auto errors = std::ranges::count_if(
      rules, [](const auto& rule) { return rule.failures.empty() && !rule.missing.empty(); });
  const auto skipped = std::ranges::count_if(
      rules, [](const auto& rule) { return rule.good() && rule.current.comparisons() == 0; });
  std::string cases;
  for (const auto& rule : rules) cases += junit_case(rule);
  const std::string counts = " tests=\"" + std::to_string(standings.rules.size()) +
                             "\" failures=\"" + std::to_string(failures) + "\" errors=\"" +
                             std::to_string(errors) + "\"";
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" + counts +
         ">\n  <testsuite name=\"parallax\"" + counts + " skipped=\"" + std::to_string(skipped) +
         "\" time=\"0\">\n" + cases + "  </testsuite>\n</testsuites>\n";
}

}  // namespace parallax::proxy
