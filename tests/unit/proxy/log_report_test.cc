#include "proxy/log_report.h"

#include <catch2/catch.hpp>
#include <sstream>
#include <string>

namespace parallax::proxy {
namespace {

using namespace std::chrono_literals;
using shadow::MismatchKind;
using shadow::Outcome;
using shadow::Verdict;

struct World {
  explicit World(LogLevel level = LogLevel::info) : log(level, out) {
    rule.name = "userRouter.get";
    report = std::make_unique<LogReport>(log, [this] { return now; });
  }
  // What was written since the last call, without times.
  std::string take() {
    std::istringstream lines(out.str());
    std::string text;
    for (std::string line; std::getline(lines, line);)
      text += line.substr(line.find(' ') + 1) + '\n';
    out.str("");
    return text;
  }
  Outcome outcome(Verdict verdict) {
    Outcome result;
    result.rule = &rule;
    result.end = verdict;
    return result;
  }
  Outcome mismatch() {
    Outcome result = outcome(Verdict::mismatch);
    result.kind = MismatchKind::value;
    result.detail = "column \"total\" differs in 1 row";
    result.legacy_rows = 3;
    result.rewrite_rows = 3;
    // As with --dev: none of this may be written.
    result.values["id"] = {false, {{false, false, 0, "secret-parameter"}}};
    result.columns = {"total"};
    result.differences = {
        {MismatchKind::value, shadow::ReportRow{"secret-cell"}, shadow::ReportRow{"secret-cell2"}}};
    result.legacy_message = "secret-message";
    result.rewrite_message = "secret-message";
    return result;
  }

  std::ostringstream out;
  Log log;
  shadow::Rule rule;
  std::chrono::steady_clock::time_point now{100s};
  std::unique_ptr<LogReport> report;
};

TEST_CASE("a mismatch is a warning with kind and counts, without values") {
  World world;
  world.report->outcome(world.mismatch());
  CHECK(world.take() ==
        "warn rule=userRouter.get verdict=mismatch live=legacy kind=value legacy_rows=3 "
        "rewrite_rows=3 column "
        "\"total\" "
        "differs in 1 row\n");
}

TEST_CASE("errors name their side and SQLSTATE") {
  World world;
  Outcome failed = world.outcome(Verdict::rewrite_error);
  failed.rewrite_sqlstate = "42703";
  failed.rewrite_message = "secret";
  world.report->outcome(failed);
  CHECK(world.take() ==
        "warn rule=userRouter.get verdict=rewrite_error live=legacy side=rewrite sqlstate=42703 "
        "the statement "
        "failed\n");
  Outcome legacy_failed = world.outcome(Verdict::mismatch);
  legacy_failed.kind = MismatchKind::error;
  legacy_failed.legacy_sqlstate = "22012";
  world.report->outcome(legacy_failed);
  CHECK(world.take() ==
        "warn rule=userRouter.get verdict=mismatch live=legacy side=legacy sqlstate=22012 the "
        "statement "
        "failed\n");
}

TEST_CASE("repeated mismatches of a rule are one line a second, with the number left out") {
  World world;
  for (int i = 0; i < 5; ++i) world.report->outcome(world.mismatch());
  world.take();
  world.now += 999ms;
  world.report->outcome(world.mismatch());
  CHECK(world.take().empty());
  world.now += 1ms;
  world.report->outcome(world.mismatch());
  CHECK(world.take().ends_with("differs in 1 row; 5 more before this were left out\n"));
  // Another verdict and another rule have their own lines.
  world.report->outcome(world.outcome(Verdict::timeout));
  CHECK(world.take() ==
        "warn rule=userRouter.get verdict=timeout live=legacy the snapshot took too long\n");
  shadow::Rule other;
  other.name = "other";
  Outcome of_other = world.mismatch();
  of_other.rule = &other;
  world.report->outcome(of_other);
  CHECK(world.take().starts_with("warn rule=other "));
  world.report->outcome(of_other);
  world.report.reset();
  CHECK(world.take() == "warn rule=other verdict=mismatch 1 more were left out\n");
}

TEST_CASE("what is no trouble is told at level debug only") {
  World quiet;
  World loud(LogLevel::debug);
  for (World* world : {&quiet, &loud}) {
    world->report->outcome(world->outcome(Verdict::match));
    Outcome skipped = world->outcome(Verdict::match);
    skipped.end = shadow::SkipReason::rights;
    skipped.detail = "permission denied";
    world->report->outcome(skipped);
    skipped.end = shadow::DropReason::drain;
    skipped.detail = "";
    world->report->outcome(skipped);
    world->report->uncovered({"select secret", "skeleton"});
  }
  CHECK(quiet.take().empty());
  CHECK(loud.take() ==
        "debug rule=userRouter.get verdict=match live=legacy compared\n"
        "debug rule=userRouter.get skipped=rights permission denied\n"
        "debug rule=userRouter.get dropped=drain lost before the comparison\n");
}

TEST_CASE("a statement that is tagged as a rule's operation is told once, without its text") {
  World world;
  world.rule.source.operation = "user.get";
  shadow::UncoveredStatement statement{.sql = "select secret", .skeleton = "skeleton"};
  statement.tagged = &world.rule;
  statement.statement = 7;
  const std::string line =
      "warn rule=userRouter.get operation=user.get a statement is tagged as this operation and no "
      "rule knows it; --dev shows it";
  world.report->uncovered(statement);
  world.report->uncovered(statement);
  CHECK(world.take() == line + "\n");
  statement.statement = 8;
  world.report->uncovered(statement);
  CHECK(world.take().empty());
  world.now += kReportLineInterval;
  statement.statement = 9;
  world.report->uncovered(statement);
  CHECK(world.take() == line + "; 1 more before this were left out\n");
}

TEST_CASE("states of rules and troubles of the pool in the log") {
  World world;
  world.report->rule_state(world.rule, shadow::RuleState::ready, "");
  world.report->rule_state(world.rule, shadow::RuleState::broken, "column \"x\" has no pair");
  CHECK(world.take() ==
        "info rule=userRouter.get state=ready the rule's state changed\n"
        "warn rule=userRouter.get state=broken column \"x\" has no pair\n");
  world.report->rule_warning(world.rule, "pairs cross: a");
  CHECK(world.take() == "warn rule=userRouter.get pairs cross: a\n");
  world.report->pool_error("28P01", "authentication failed");
  world.report->pool_error("", "connection refused");
  CHECK(world.take() == "warn sqlstate=28P01 shadow connection: authentication failed\n");
  world.now += 2s;
  world.report->pool_error("", "connection\nrefused");
  CHECK(world.take() ==
        "warn shadow connection: connection\\nrefused; 1 more before this were left out\n");
}

TEST_CASE("a breaker that opens is a warning, that it closes is said as well") {
  World world;
  world.report->breaker(&world.rule, true, "5 replays in a row timed out");
  world.report->breaker(nullptr, true, "15 of the last 20 replays timed out");
  world.report->breaker(&world.rule, false, "a replay has ended well");
  CHECK(world.take() ==
        "warn rule=userRouter.get breaker=open 5 replays in a row timed out\n"
        "warn breaker=open all replays: 15 of the last 20 replays timed out\n"
        "info rule=userRouter.get breaker=closed a replay has ended well\n");
}

TEST_CASE("what the governor takes back is a warning, what it gives again is said as well") {
  using What = shadow::GovernorStep::What;
  World world;
  world.report->governed({What::replays, {}, shadow::Sign::live_latency, 4, 2, 1.5}, nullptr);
  world.report->governed({What::sample, 0, shadow::Sign::pool_wait, 1, 0.5, 2}, &world.rule);
  world.report->governed({What::sample, 0, shadow::Sign::pool_wait, 0.5, 0.25, 2}, &world.rule);
  world.report->governed({What::connections, {}, {}, 1, 2, 0}, nullptr);
  CHECK(
      world.take() ==
      "warn governor: replays at once 2, before 4: live_latency is at 1.50 of its limit\n"
      "warn rule=userRouter.get governor: samples 0.5 of what it would, before 1: pool_wait is at "
      "2.00 of its limit\n"
      "info governor: shadow connections at once 2, before 1\n");
}

TEST_CASE("what the shadow server's facts are is said at their level") {
  World world;
  world.report->warning("the shadow role \"app\" is a superuser");
  world.report->information("the shadow is a standby");
  CHECK(world.take() ==
        "warn the shadow role \"app\" is a superuser\n"
        "info the shadow is a standby\n");
}

}  // namespace
}  // namespace parallax::proxy
