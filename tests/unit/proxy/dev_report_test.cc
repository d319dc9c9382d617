#include "proxy/dev_report.h"

#include <catch2/catch.hpp>
#include <sstream>
#include <string>

#include "proxy/row_table.h"
#include "proxy/text.h"

namespace parallax::proxy {
namespace {

using shadow::MismatchKind;
using shadow::Outcome;
using shadow::ReportRow;
using shadow::RowDifference;
using shadow::Verdict;

const shadow::Rule& some_rule() {
  static const shadow::Rule rule = [] {
    shadow::Rule made;
    made.name = "userRouter.get";
    return made;
  }();
  return rule;
}

Outcome outcome(Verdict verdict) {
  Outcome result;
  result.rule = &some_rule();
  result.end = verdict;
  result.legacy_rows = 1;
  result.rewrite_rows = 1;
  result.legacy_seconds = 0.00031;
  result.rewrite_seconds = 0.01;
  return result;
}

shadow::Value text_value(std::string bytes) { return {false, false, 0, std::move(bytes)}; }

TEST_CASE("a match is one line") {
  Outcome match = outcome(Verdict::match);
  match.steps = {shadow::EqualStep::order, shadow::EqualStep::numeric_scale};
  CHECK(render_outcome(match, {}) ==
        "ok    userRouter.get  match (order, numeric_scale), 1 row, legacy 0.31 ms, rewrite 10.00 "
        "ms\n");
}

TEST_CASE("skips, drops and undecided ones are one line each") {
  Outcome one = outcome(Verdict::race);
  CHECK(render_outcome(one, {}) == "note  userRouter.get  race\n");
  one.end = shadow::SkipReason::context;
  one.detail = "the session ran SET";
  CHECK(render_outcome(one, {}) == "skip  userRouter.get  context: the session ran SET\n");
  one.end = shadow::DropReason::queue_jobs;
  one.detail = "";
  CHECK(render_outcome(one, {}) == "drop  userRouter.get  queue_jobs\n");
}

TEST_CASE("a mismatch shows names, values and both rows side by side") {
  Outcome one = outcome(Verdict::mismatch);
  one.kind = MismatchKind::value;
  one.detail = "column \"total\" differs";
  one.legacy_rows = 3;
  one.rewrite_rows = 2;
  one.values["userId"] = {false, {text_value("42")}};
  one.values["ids"] = {true, {text_value("1"), text_value("it's"), {true, false, 0, ""}}};
  one.values["$2"] = {false, {{false, true, 0, std::string("\x00\xff", 2)}}};
  one.columns = {"id", "name", "total"};
  one.differences = {
      {MismatchKind::value, ReportRow{"1", "Ann", "10.00"}, ReportRow{"1", "Ann", std::nullopt}},
      {MismatchKind::missing_row, ReportRow{"2", "", "NULL"}, std::nullopt},
      {MismatchKind::extra_row, std::nullopt, ReportRow{"9", "日本", "x"}},
  };
  CHECK(render_outcome(one, {}) == R"(DIFF  userRouter.get  mismatch: value
      column "total" differs
      $2       \x00ff
      :ids     [1, 'it's', NULL]
      :userId  42
      legacy   3 rows, 0.31 ms
      rewrite  2 rows, 10.00 ms

      value
                legacy  rewrite
         id     1       1
         name   Ann     Ann
      != total  10.00   NULL

      missing_row
                legacy  rewrite
         id     2       (no row)
         name   ''
         total  'NULL'

      extra_row
                legacy    rewrite
         id     (no row)  9
         name             日本
         total            x

)");
}

TEST_CASE("errors show SQLSTATE and message of each side") {
  Outcome one = outcome(Verdict::rewrite_error);
  one.rewrite_sqlstate = "42703";
  one.rewrite_message = "column \"x\"\x1b[2J does not exist";
  CHECK(render_outcome(one, {}) == R"(DIFF  userRouter.get  rewrite_error
      legacy   1 row, 0.31 ms
      rewrite  error 42703: column "x"\x1b[2J does not exist

)");
}

TEST_CASE("columns are aligned by their width, and equal ones of a wide row are left out") {
  std::vector<std::string> labels;
  ReportRow legacy;
  ReportRow rewrite;
  for (int i = 1; i <= 20; ++i) {
    labels.push_back("c" + std::to_string(i));
    legacy.emplace_back(std::to_string(i));
    rewrite.emplace_back(std::to_string(i));
  }
  legacy[11] = "日本";
  rewrite[11] = "日木";
  CHECK(row_table(labels, {MismatchKind::value, legacy, rewrite}, 0, 80) ==
        R"(        legacy            rewrite
   c1   1                 1
   c2   2                 2
!= c12  日本              日木
   …    17 equal columns
)");
}

TEST_CASE(
    "no line is wider than the terminal, and long cells are cut around their first difference") {
  const std::string front(200, 'a');
  const std::string back(200, 'z');
  const RowDifference difference{MismatchKind::value, ReportRow{front + "1" + back},
                                 ReportRow{front + "2" + back}};
  for (const std::size_t width : {40U, 60U, 80U, 200U}) {
    const std::string table = row_table({std::string(50, 'l')}, difference, 6, width);
    INFO(table);
    std::istringstream lines(table);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      if (width >= 80) CHECK(display_width(line) <= width);
    }
    CHECK(count == 2);
    CHECK(table.find("a1z") != std::string::npos);
    CHECK(table.find("a2z") != std::string::npos);
  }
}

TEST_CASE("texts are cut at whole characters") {
  CHECK(cut_text("abc", 0, 3) == "abc");
  CHECK(cut_text("abcdef", 0, 4) == "abc…");
  CHECK(cut_text("abcdef", 5, 4) == "…def");
  CHECK(cut_text("ééééé", 0, 3) == "éé…");
  CHECK(cut_text("日本日本日本", 0, 5) == "日本…");
  CHECK(cut_text("0123456789abcdef", 8, 7) == "…6789a…");
  for (std::size_t around = 0; around < 30; ++around) {
    for (std::size_t width = 3; width < 20; ++width) {
      const std::string cut = cut_text("é日aé日aé日aé日aé日a", around, width);
      CHECK(valid_utf8(cut));
      CHECK(display_width(cut) <= width);
    }
  }
}

TEST_CASE("cells that could be taken for something else are in quotes") {
  CHECK(cell_text(std::nullopt) == "NULL");
  CHECK(cell_text("NULL") == "'NULL'");
  CHECK(cell_text("") == "''");
  CHECK(cell_text(" x") == "' x'");
  CHECK(cell_text("a\nb\x1b") == "a\\nb\\x1b");
}

TEST_CASE("colours only where they are wanted") {
  Outcome match = outcome(Verdict::match);
  CHECK(render_outcome(match, {true, 80}).starts_with("\033[32mok    \033[0muserRouter.get"));
  CHECK(render_outcome(match, {false, 80}).find('\033') == std::string::npos);
  const TerminalStyle pipe_style = terminal_style(-1);
  CHECK_FALSE(pipe_style.colour);
  CHECK(pipe_style.width == 120);
}

TEST_CASE("a statement that no rule covers is shown once, ready for pasting") {
  std::ostringstream out;
  DevReport report(out, {});
  report.uncovered({"select 1", "  rule1:\n    legacy: |\n      select :p1\tas\x1b x\n"});
  const std::string shown = out.str();
  CHECK(shown ==
        "new   no rule covers this statement; to be pasted under `rules:` and finished:\n\n"
        "  rule1:\n    legacy: |\n      select :p1 as\\x1b x\n\n");
  report.uncovered({"select 2", "  rule1:\n    legacy: |\n      select :p1\tas\x1b x\n"});
  CHECK(out.str() == shown);
  report.uncovered({"select 2", "  rule2:\n"});
  CHECK(out.str() != shown);
}

TEST_CASE("a statement that is tagged as a rule's operation is shown with the rule") {
  std::ostringstream out;
  DevReport report(out, {});
  shadow::UncoveredStatement statement{.sql = "select 1", .skeleton = "  rule1:\n"};
  report.uncovered(statement);
  out.str("");
  statement.tagged = &some_rule();
  report.uncovered(statement);
  CHECK(out.str() ==
        "drift userRouter.get  tagged as `userRouter.get`, and no rule covers this "
        "statement; to be pasted under `rules:` and finished:\n\n  rule1:\n\n");
  out.str("");
  report.uncovered(statement);
  CHECK(out.str().empty());
}

TEST_CASE("states of rules and troubles of the pool on the terminal") {
  std::ostringstream out;
  DevReport report(out, {});
  report.rule_warning(some_rule(), "pairs cross: \033");
  CHECK(out.str() == "rule  userRouter.get  warning: pairs cross: \\x1b\n");
  out.str("");
  report.rule_state(some_rule(), shadow::RuleState::ready, "");
  report.rule_state(some_rule(), shadow::RuleState::broken, "column \"x\" has no pair");
  report.pool_error("28P01", "authentication\nfailed");
  report.pool_error("", "connection refused");
  report.breaker(&some_rule(), true, "5 replays in a row timed out");
  report.breaker(nullptr, false, "a replay has ended well");
  report.warning("the role may\nwrite");
  report.information("the shadow is a standby");
  report.outcome(outcome(Verdict::unstable));
  CHECK(out.str() ==
        "rule  userRouter.get  ready\n"
        "rule  userRouter.get  broken: column \"x\" has no pair\n"
        "pool  28P01  authentication\\nfailed\n"
        "pool  not reached  connection refused\n"
        "rule  userRouter.get  breaker open: 5 replays in a row timed out\n"
        "pool  all replays  breaker closed: a replay has ended well\n"
        "pool  warning  the role may\\nwrite\n"
        "pool  note  the shadow is a standby\n"
        "note  userRouter.get  unstable\n");
}

}  // namespace
}  // namespace parallax::proxy
