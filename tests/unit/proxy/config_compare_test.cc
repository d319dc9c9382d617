// `compare:`, `expect:` and `let:` of a rule: what they mean, and what is answered to a mistake.

#include <catch2/catch.hpp>
#include <chrono>
#include <string>

#include "tests/unit/proxy/config_support.h"

namespace parallax::proxy {
namespace {

using namespace std::chrono_literals;
using shadow::EqualStep;
using shadow::MismatchKind;
using shadow::OrderMode;

// A configuration whose only rule has these lines, from line 5 on.
std::string with(const std::string& lines) {
  return "listen: 127.0.0.1:6432\n"
         "upstream: postgresql://app:pw@127.0.0.1:5432/shop\n"
         "rules:\n"
         "  a: {legacy: 'select 1', rewrite: 'select 2',\n" +
         lines + "}\n";
}

Config good(const std::string& lines) {
  auto result = MemoryFiles().parse(with(lines));
  if (const auto* problems = std::get_if<std::vector<shadow::ConfigProblem>>(&result)) {
    FAIL("refused: " << problems->front().text());
  }
  return std::get<Config>(std::move(result));
}

void check(const std::string& lines, const std::string& answer) {
  INFO(lines);
  CHECK(MemoryFiles().problems(with(lines)) == answer + "\n");
}

TEST_CASE("compare: everything it knows") {
  const auto options = good(
                           "compare: {when: snapshot, order: strict, float_tolerance: 1e-9,\n"
                           "  clock: {updatedAt: 5s, \"created at\": 20ms},\n"
                           "  treat: {numeric_scale: mismatch, json_order: mismatch}}")
                           .rules[0]
                           .compare;
  CHECK(options.snapshot_only);
  CHECK(options.order == OrderMode::strict);
  CHECK(options.float_tolerance == 1e-9);
  CHECK(options.clock ==
        std::map<std::string, std::chrono::microseconds>{{"updatedAt", 5s}, {"created at", 20ms}});
  CHECK(options.treat_as_mismatch == std::set{EqualStep::numeric_scale, EqualStep::json_order});
  CHECK(good("compare: {order: ignore}").rules[0].compare.order == OrderMode::ignore);
  CHECK(good("compare: {order: auto}").rules[0].compare.order == OrderMode::automatic);
  CHECK_FALSE(good("compare: {when: live}").rules[0].compare.snapshot_only);
}

TEST_CASE("compare: mistakes") {
  check("compare: {whn: live}", "f.yaml:5:11: unknown key `whn`, did you mean `when`?");
  check("compare: {when: later}",
        "f.yaml:5:17: `rules.a.compare.when`: write `live` or `snapshot`, not `later`");
  check("compare: {order: loose}",
        "f.yaml:5:18: `rules.a.compare.order`: write `auto`, `strict` or `ignore`, not `loose`");
  check(
      "compare: {order: {machines: strict}}",
      "f.yaml:5:29: `rules.a.compare.order.machines`: write `auto` or `ignore` for one statement, "
      "not `strict`");
  for (const std::string value : {"0", "1", "-1e-9", "nan", "1e-9x", "5%", "1e-999"}) {
    check("compare: {float_tolerance: '" + value + "'}",
          "f.yaml:5:28: `rules.a.compare.float_tolerance`: write how far apart floats may be, as a "
          "share of their value: a number above 0 and below 1, such as `1e-9`, not `" +
              value + "`");
  }
  check("compare: {clock: {x: 5}}",
        "f.yaml:5:22: `rules.a.compare.clock.x`: write a duration such as `100ms`, `20s` or `2m`, "
        "not `5`");
  check("compare: {clock: 5s}",
        "f.yaml:5:18: `rules.a.compare.clock`: write keys with values, `key: value`, not a single "
        "value");
  check("compare: {clock: {x: 5s, x: 6s}}",
        "f.yaml:5:26: `x` stands here twice; the first is in line 5");
  check("compare: {select: x}",
        "f.yaml:5:19: `rules.a.compare.select`: write the SQL in quotes or as a block (`|`): YAML "
        "cuts a plain text at ` #` without a word");
  check("compare: {select: ' '}", "f.yaml:5:19: `rules.a.compare.select`: the SQL is empty");
}

TEST_CASE("treat: mistakes") {
  check("compare: {treat: {numeric_scal: mismatch}}",
        "f.yaml:5:19: `numeric_scal`: did you mean `numeric_scale`?");
  check("compare: {treat: {whatever_else: mismatch}}",
        "f.yaml:5:19: `whatever_else`: write one of order, order_unproven, numeric_scale, "
        "type_width, text_type, enum_text, negative_zero, time_zone, padding, json_text, "
        "json_order, format, bytes");
  for (const std::string step : {"exact", "digest", "float_tolerance", "clock"}) {
    check("compare: {treat: {" + step + ": mismatch}}",
          "f.yaml:5:19: `" + step + "`: this step cannot be a mismatch");
  }
  check("compare: {treat: {bytes: match}}",
        "f.yaml:5:26: `rules.a.compare.treat.bytes`: write `mismatch`, not `match`");
  check("compare: {treat: {bytes: mismatch, bytes: mismatch}}",
        "f.yaml:5:36: `bytes` stands here twice; the first is in line 5");
}

TEST_CASE("expect: kinds until the end of a day, for a reason") {
  const Config config = good(
      "expect: [{kinds: [missing_row, extra_row], until: 2999-12-31, why: 'no escapes'},\n"
      "  {kinds: [order], until: 2999-02-28, why: b}]");
  const auto& expect = config.rules[0].expect;
  REQUIRE(expect.size() == 2);
  CHECK(expect[0].kinds == std::set{MismatchKind::missing_row, MismatchKind::extra_row});
  CHECK(expect[0].until == std::chrono::year(2999) / 12 / 31);
  CHECK(expect[0].reason == "no escapes");
  CHECK(expect[0].mark.line == 5);
  CHECK(expect[1].mark.line == 6);
  CHECK(config.warnings.empty());
  const std::chrono::sys_days last = std::chrono::year(2999) / 12 / 31;
  CHECK(expect[0].in_force(last));
  CHECK_FALSE(expect[0].in_force(last + std::chrono::days(1)));
}

TEST_CASE("an expectation whose day is over is a warning, and no reason to refuse") {
  const Config config = good("expect: [{kinds: [value], until: 2020-02-29, why: 'rounding'}]");
  REQUIRE(config.warnings.size() == 1);
  CHECK(config.warnings[0].text() ==
        "f.yaml:5:10: `rules.a.expect[0]`: the expectation has ended on 2020-02-29 and does not "
        "apply any more");
  CHECK(config.rules[0].expect.size() == 1);
}

TEST_CASE("expect: mistakes") {
  const std::string list = "write a list, `- {kinds: [missing_row], until: 2027-01-31, why: '…'}`";
  check("expect: none", "f.yaml:5:9: `rules.a.expect`: " + list);
  check("expect: []", "f.yaml:5:9: `rules.a.expect`: " + list);
  check("expect: [value]",
        "f.yaml:5:10: `rules.a.expect[0]`: write keys with values, `key: value`, not a single "
        "value");
  check("expect: [{}]",
        "f.yaml:5:10: `rules.a.expect[0]` has no `kinds`: write the kinds of mismatch that are "
        "wanted\n"
        "f.yaml:5:10: `rules.a.expect[0]` has no `until`: write the last day of the expectation, "
        "`YYYY-MM-DD`\n"
        "f.yaml:5:10: `rules.a.expect[0]` has no `why`: write why this difference is wanted");
  check("expect: [{kinds: [missing_rows], until: 2999-01-01, why: x}]",
        "f.yaml:5:19: `missing_rows`: did you mean `missing_row`?");
  check("expect: [{kinds: [something], until: 2999-01-01, why: x}]",
        "f.yaml:5:19: `something`: write one of error, column_count, column_type, missing_row, "
        "extra_row, null, value, order, json_hazard, row_count");
  check("expect: [{kinds: [value, value], until: 2999-01-01, why: x}]",
        "f.yaml:5:26: `value` stands here twice");
  check("expect: [{kinds: [], until: 2999-01-01, why: x}]",
        "f.yaml:5:18: `rules.a.expect[0].kinds`: write the kinds of mismatch that are wanted, "
        "`[missing_row]`");
  check("expect: [{kinds: value, until: 2999-01-01, why: x}]",
        "f.yaml:5:18: `rules.a.expect[0].kinds`: write a list, `[first, second]`, not a single "
        "value");
  check("expect: [{kinds: [value], until: 2999-01-01, why: ' '}]",
        "f.yaml:5:51: `rules.a.expect[0].why`: write why this difference is wanted");
  check("expect: [{kinds: [value], until: 2999-01-01, wy: x, why: x}]",
        "f.yaml:5:46: unknown key `wy`, did you mean `why`?");
}

TEST_CASE("expect: the last day is a real one") {
  for (const std::string day : {"2026-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-1-01",
                                "31.12.2026", "2026-12-3a", "2026-12-31T", "-026-12-31", "soon"}) {
    check("expect: [{kinds: [value], until: '" + day + "', why: x}]",
          "f.yaml:5:34: `rules.a.expect[0].until`: write the last day of the expectation, "
          "`YYYY-MM-DD`, not `" +
              day + "`");
  }
}

TEST_CASE("let: names with SQL") {
  const Config config = good("let: {titleLike: \"'%' || :title || '%'\", _n: ':n + 1'}");
  const auto& let = config.rules[0].let;
  REQUIRE(let.size() == 2);
  CHECK(let.at("titleLike").text == "'%' || :title || '%'");
  CHECK(let.at("titleLike").mark.column == 19);
  CHECK(let.at("_n").text == ":n + 1");
}

TEST_CASE("let: mistakes") {
  const std::string name =
      "`: write a name of letters, digits and `_` that begins with no digit and is not `_`";
  check("let: {1st: ':n'}", "f.yaml:5:7: `1st" + name);
  check("let: {_: ':n'}", "f.yaml:5:7: `_" + name);
  check("let: {'a b': ':n'}", "f.yaml:5:7: `a b" + name);
  check("let: {x: n + 1}",
        "f.yaml:5:10: `rules.a.let.x`: write the SQL in quotes or as a block (`|`): YAML cuts a "
        "plain text at ` #` without a word");
  check("let: {x: ' '}", "f.yaml:5:10: `rules.a.let.x`: the SQL is empty");
  check("let: {x: ':n', x: ':m'}", "f.yaml:5:16: `x` stands here twice; the first is in line 5");
  check("let: ':n'",
        "f.yaml:5:6: `rules.a.let`: write keys with values, `key: value`, not a single value");
}

TEST_CASE("what a rule's operations are tagged as") {
  check("tag: {operation: ' '}",
        "f.yaml:5:18: `rules.a.tag.operation`: write the operation's name as its tags have it");
  check("tag: {operation: '" + std::string(201, 'x') + "'}",
        "f.yaml:5:18: `rules.a.tag.operation`: an operation's name has at most 200 bytes and no "
        "control characters");
  check("tag: {operation: \"a\\nb\"}",
        "f.yaml:5:18: `rules.a.tag.operation`: an operation's name has at most 200 bytes and no "
        "control characters");
  check("tag: {operation: [a]}",
        "f.yaml:5:18: `rules.a.tag.operation`: write a single value, not a list");
  check("tag: {operatoin: a}", "f.yaml:5:7: unknown key `operatoin`, did you mean `operation`?");
  check("tag: userRouter.get",
        "f.yaml:5:6: `rules.a.tag`: write keys with values, `key: value`, not a single value");
  check("tag: {}", "f.yaml:5:6: `rules.a.tag`: write `{operation: name}`");
}

TEST_CASE("groups of rules") {
  CHECK(good("part_of: [org.dashboard, b]").rules[0].part_of ==
        std::vector<std::string>{"org.dashboard", "b"});
  check("part_of: a",
        "f.yaml:5:10: `rules.a.part_of`: write a list, `[first, second]`, not a single value");
  check("part_of: [a, a]", "f.yaml:5:14: the group `a` stands here twice");
  check("part_of: [' ']",
        "f.yaml:5:11: a group's name has 1 to 200 bytes and no control characters");
}

}  // namespace
}  // namespace parallax::proxy
