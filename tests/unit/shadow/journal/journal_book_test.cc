#include "shadow/journal/journal_book.h"

#include <catch2/catch.hpp>

#include "shadow/evidence/recorded_replay.h"
#include "tests/unit/shadow/journal/journal_support.h"

namespace parallax::shadow::tests {
namespace {

using namespace std::chrono_literals;

struct World {
  explicit World(std::size_t rate = 100, bool full_values = false) : metrics(registry, *rules) {
    options.full_values = full_values;
    options.key = "key of sixteen bytes";
    options.rate = rate;
    shard = &registry.make_shard();
    counter = std::make_unique<OutcomeCounter>(metrics, *shard);
    shard->add(metrics.of(rule()).operations, 1000);  // before the journal's time
    book = std::make_unique<JournalBook>(options, rules, metrics, registry, now);
  }
  const Rule& rule() const { return *rules->rules()[0]; }
  // As the tap and the engine do.
  std::optional<std::string> ends(decltype(Outcome::end) end, NamedValues values = values_of("1"),
                                  std::optional<MismatchKind> kind = std::nullopt) {
    auto outcome = outcome_of(rule(), end, std::move(values));
    outcome.kind = kind;
    outcome.vacuous = end == decltype(end)(Verdict::match);
    if (outcome.vacuous) outcome.steps = {EqualStep::exact, EqualStep::order};
    shard->add(metrics.of(rule()).operations);
    shard->observe(metrics.of(rule()).of(Side::legacy).live_duration, 0.002);
    counter->ended(outcome);
    return book->heard(outcome, now);
  }
  std::optional<std::string> matches(const std::string& id, bool vacuous = false) {
    auto outcome = outcome_of(rule(), Verdict::match, values_of(id, {"k"}));
    outcome.vacuous = vacuous;
    outcome.legacy_rows = outcome.rewrite_rows = vacuous ? 0 : 2;
    ReplayContext context;
    context.settings = {{"datestyle", "iso"}};
    context.user = "app";
    outcome.context = std::make_shared<const ReplayContext>(context);
    return book->heard(outcome, now);
  }
  Json summary() {
    const auto all = book->summaries(now);
    if (all.empty()) return nullptr;
    REQUIRE(all.size() == 1);
    book->written(all[0]);
    return Json::parse(all[0].line);
  }

  std::shared_ptr<const RuleSet> rules = one_rule();
  metrics::Registry registry;
  ShadowMetrics metrics;
  metrics::Shard* shard = nullptr;
  std::unique_ptr<OutcomeCounter> counter;
  JournalOptions options;
  JournalTime now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24} + 12h};
  std::unique_ptr<JournalBook> book;
};

TEST_CASE("every verdict but a match gets a line, nothing else does") {
  World world;
  for (const auto verdict : kVerdicts) {
    INFO(name(verdict));
    const auto line = world.ends(verdict);
    REQUIRE(line.has_value() == (verdict != Verdict::match));
    if (line) CHECK(Json::parse(*line)["verdict"] == name(verdict));
  }
  CHECK_FALSE(world.ends(SkipReason::context));
  CHECK_FALSE(world.ends(DropReason::drain));
}

TEST_CASE("with full values some matches are kept as samples, which are run again like verdicts") {
  World world(100, true);
  const auto line = world.matches("7");
  REQUIRE(line);
  const auto sample = Json::parse(*line);
  CHECK(sample["type"] == "sample");
  CHECK(sample["vacuous"] == false);
  CHECK(sample["legacy_rows"] == 2);
  CHECK_FALSE(sample.contains("rewrite_sql"));
  const auto read = recorded_operation(*line, *world.rules);
  REQUIRE(std::holds_alternative<RecordedOperation>(read));
  const auto& operation = std::get<RecordedOperation>(read);
  CHECK(operation.values.at("id").members == std::vector<Value>{text_value("7")});
  CHECK(operation.values.at("kinds").members == std::vector<Value>{text_value("k")});
  CHECK(operation.context->user == "app");
  CHECK_FALSE(operation.other_version);
  CHECK_FALSE(world.matches("7"));  // the same values once
  CHECK(world.matches("8", true));
  // One too long to be of use is none.
  CHECK_FALSE(world.matches(std::string(kSampleLineBytesMax, 'x')));
}

TEST_CASE("samples are bounded for each rule") {
  World world(100, true);
  std::size_t lines = 0;
  for (int i = 0; i < 5000; ++i) lines += world.matches(std::to_string(i), i % 2 == 0) ? 1U : 0U;
  CHECK(lines > kSamplesAtOnce);
  CHECK(lines <= kSamplesWithRowsMax + kVacuousSamplesMax);
}

TEST_CASE("the same parameters of another tenant are another sample") {
  World world(100, true);
  auto outcome = outcome_of(world.rule(), Verdict::match, values_of("1"));
  for (const char* tenant : {"a", "b"}) {
    ReplayContext context;
    context.settings = {{"app.tenant", tenant}};
    outcome.context = std::make_shared<const ReplayContext>(context);
    CHECK(world.book->heard(outcome, world.now));
    CHECK_FALSE(world.book->heard(outcome, world.now));
  }
}

TEST_CASE("an error that both sides gave is no sample") {
  World world(100, true);
  auto outcome = outcome_of(world.rule(), Verdict::match, values_of("1", {"k"}));
  outcome.legacy_sqlstate = outcome.rewrite_sqlstate = "22P02";
  CHECK_FALSE(world.book->heard(outcome, world.now));
  CHECK(world.matches("1"));
}

TEST_CASE("with hashed values no match is kept") {
  World world;
  for (int i = 0; i < 100; ++i) CHECK_FALSE(world.matches(std::to_string(i)));
}

TEST_CASE("each line has an id of its own, also among processes") {
  World one;
  World other;
  std::set<Json> ids;
  for (int i = 0; i < 10; ++i) {
    ids.insert(Json::parse(*one.ends(Verdict::mismatch))["id"]);
    ids.insert(Json::parse(*other.ends(Verdict::mismatch))["id"]);
  }
  CHECK(ids.size() == 20);
}

TEST_CASE("above the rate lines are left out and counted, by verdict") {
  World world(2);
  for (int i = 0; i < 5; ++i) CHECK(world.ends(Verdict::expected).has_value() == (i < 2));
  CHECK(world.ends(Verdict::mismatch));  // a flood of another verdict does not hide it
  world.now += 1s;
  const auto line = world.ends(Verdict::expected);
  REQUIRE(line);
  CHECK(Json::parse(*line)["suppressed"] == 3);
  const auto summary = world.summary();
  CHECK(summary["suppressed"] == 3);
  CHECK(summary["verdicts"]["expected"] == 6);
}

TEST_CASE("a summary holds what was counted since the last one, and no more") {
  World world;
  CHECK(world.summary() == nullptr);
  world.ends(Verdict::match);
  world.ends(Verdict::match);
  world.ends(Verdict::mismatch, values_of("1"), MismatchKind::null);
  world.ends(SkipReason::pin);
  world.ends(DropReason::queue_jobs);
  world.now += 60s;
  const auto first = world.summary();
  CHECK(first["type"] == "summary");
  CHECK(first["from"] == "2026-11-24T12:00:00.000Z");
  CHECK(first["time"] == "2026-11-24T12:01:00.000Z");
  CHECK(first["version"] == world.rule().version);
  CHECK(first["operations"] == 5);
  CHECK(first["verdicts"] == Json{{"match", 2}, {"mismatch", 1}});
  CHECK(first["kinds"] == Json{{"null", 1}});
  CHECK(first["skipped"] == Json{{"pin", 1}});
  CHECK(first["dropped"] == Json{{"queue_jobs", 1}});
  CHECK(first["vacuous"] == 2);
  CHECK(first["equalized"] == Json{{"exact", 2}, {"order", 2}});
  CHECK(first["live"]["counts"] == Json({0, 0, 5, 0, 0, 0, 0, 0, 0, 0}));
  CHECK(first["live"]["le"].size() == 9);
  CHECK(first["live"]["seconds"].get<double>() == Approx(0.010));
  CHECK_FALSE(first.contains("legacy"));
  CHECK(world.summary() == nullptr);
  world.ends(Verdict::match);
  const auto second = world.summary();
  CHECK(second["operations"] == 1);
  CHECK(second["from"] == first["time"]);
  CHECK(second["instance"] == first["instance"]);
}

TEST_CASE("a successor goes on where the written summaries of the last one ended") {
  World world;
  world.ends(Verdict::match);
  CHECK(world.summary()["operations"] == 1);
  world.ends(Verdict::match);  // counted after the last summary
  JournalBook next(world.options, world.rules, world.metrics, world.registry, world.now,
                   world.book->positions());
  world.ends(Verdict::match);
  const auto all = next.summaries(world.now);
  REQUIRE(all.size() == 1);
  CHECK(Json::parse(all[0].line)["operations"] == 2);
}

TEST_CASE("what a rule's former version could not write is no evidence of the new one") {
  World world;
  world.ends(Verdict::match);
  const auto lost = world.book->summaries(world.now);  // the disk is full
  REQUIRE(lost.size() == 1);
  world.book->given_back(lost[0]);
  auto positions = world.book->positions();
  world.ends(Verdict::match);  // between the two
  const auto operations = [&] {
    JournalBook next(world.options, world.rules, world.metrics, world.registry, world.now,
                     positions);
    const auto all = next.summaries(world.now);
    REQUIRE(all.size() == 1);
    return Json::parse(all[0].line)["operations"].get<int>();
  };
  CHECK(operations() == 2);
  for (auto& [name, position] : positions) position.version = "another";
  CHECK(operations() == 1);
}

TEST_CASE("latency of both sides is there when both ran") {
  World world;
  world.ends(Verdict::match);
  world.shard->observe(world.metrics.of(world.rule()).of(Side::legacy).paired_duration, 0.02);
  world.shard->observe(world.metrics.of(world.rule()).of(Side::rewrite).paired_duration, 0.3);
  const auto summary = world.summary();
  CHECK(summary["legacy"]["counts"] == Json({0, 0, 0, 0, 0, 1, 0, 0, 0, 0}));
  CHECK(summary["rewrite"]["counts"] == Json({0, 0, 0, 0, 0, 0, 0, 0, 1, 0}));
}

TEST_CASE("list lengths, NULLs and distinct parameters are those of comparisons") {
  World world;
  auto with_null = values_of("1", {"a"});
  with_null["kinds"].members.push_back(null_value());
  world.ends(Verdict::match, values_of("1"));
  world.ends(Verdict::match, values_of("1"));
  world.ends(Verdict::mismatch, with_null);
  world.ends(Verdict::expected, values_of("2", std::vector<std::string>(60, "k")));
  // Nothing was held against anything here.
  world.ends(Verdict::timeout, values_of("3", {"a"}));
  world.ends(SkipReason::server, values_of("4"));
  const auto summary = world.summary();
  const auto& kinds = summary["names"]["kinds"];
  CHECK(kinds["nulls"] == 1);
  CHECK(kinds["lengths"]["min"] == 0);
  CHECK(kinds["lengths"]["max"] == 60);
  CHECK(kinds["lengths"]["le"] == Json({0, 1, 2, 5, 10, 50, 100, 1000}));
  CHECK(kinds["lengths"]["counts"] == Json({2, 0, 1, 0, 0, 0, 1, 0, 0}));
  CHECK(summary["names"]["id"] == Json{{"nulls", 0}});
  CHECK(summary["distinct"]["estimate"] == 3);
}

TEST_CASE("plans are told once, with the first line after a verification") {
  World world;
  CHECK_FALSE(world.book->due_plans(world.rule(), world.now));
  world.book->planned(world.rule(), {R"([{"Plan": {"Node Type": "Seq Scan"}}])", "no JSON"});
  const auto line = world.book->due_plans(world.rule(), world.now);
  REQUIRE(line);
  const auto plans = Json::parse(*line);
  CHECK(plans["type"] == "plans");
  CHECK(plans["rule"] == world.rule().name);
  CHECK(plans["legacy_plan"][0]["Plan"]["Node Type"] == "Seq Scan");
  CHECK_FALSE(plans.contains("rewrite_plan"));
  CHECK_FALSE(world.book->due_plans(world.rule(), world.now));
  const std::string longest = "[\"" + std::string(kJournalLineBytesMax, 'x') + "\"]";
  world.book->planned(world.rule(), {longest, "[]"});
  const auto cut = Json::parse(*world.book->due_plans(world.rule(), world.now));
  CHECK(cut["cut"] == Json({"legacy_plan"}));
  CHECK(cut["rewrite_plan"] == Json::array());
}

TEST_CASE("a state is told when it is news") {
  World world;
  CHECK_FALSE(world.book->state(world.rule(), RuleState::unverified, world.now));
  const auto line = world.book->state(world.rule(), RuleState::broken, world.now);
  REQUIRE(line);
  CHECK(Json::parse(*line)["type"] == "state");
  CHECK(Json::parse(*line)["state"] == "broken");
  CHECK(Json::parse(*line)["instance"].get<std::string>().size() == 16);
  CHECK_FALSE(world.book->state(world.rule(), RuleState::broken, world.now));
  CHECK(world.book->state(world.rule(), RuleState::ready, world.now));
}

TEST_CASE("sketches of two instances under one key are one") {
  World one;
  World other;
  one.ends(Verdict::match, values_of("1"));
  other.ends(Verdict::match, values_of("1"));
  const auto first = one.summary();
  const auto second = other.summary();
  CHECK(first["distinct"]["sketch"] == second["distinct"]["sketch"]);
  CHECK(first["key"] == second["key"]);
  CHECK(first["instance"] != second["instance"]);
}

TEST_CASE("what could not be written is part of the next summary") {
  World world;
  world.ends(Verdict::match, values_of("1", {"a"}));
  const auto lost = world.book->summaries(world.now + 60s);
  REQUIRE(lost.size() == 1);
  world.ends(Verdict::match, values_of("2", {"a", "b"}));
  world.book->given_back(lost[0]);
  world.now += 120s;
  const auto summary = world.summary();
  CHECK(summary["operations"] == 2);
  CHECK(summary["from"] == "2026-11-24T12:00:00.000Z");
  CHECK(summary["names"]["kinds"]["lengths"]["min"] == 1);
  CHECK(summary["names"]["kinds"]["lengths"]["max"] == 2);
  CHECK(summary["distinct"]["estimate"] == 2);
}

}  // namespace
}  // namespace parallax::shadow::tests
