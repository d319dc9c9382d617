#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

#include "shadow/evidence/journal_reader.h"
#include "shadow/evidence/recorded_replay.h"
#include "shadow/evidence/standing.h"
#include "shadow/evidence/standing_json.h"
#include "tests/unit/shadow/journal/journal_support.h"

namespace parallax::shadow::tests {
namespace {

using namespace std::chrono_literals;

Json line_of(const std::string& type, const std::string& time, const std::string& version = "v1") {
  return {{"v", 1},      {"type", type},       {"time", time},
          {"rule", "r"}, {"version", version}, {"key", "k1"}};
}

Json summary(const std::string& from, const std::string& time, const std::string& instance = "i1",
             const std::string& version = "v1") {
  auto line = line_of("summary", time, version);
  HyperLogLog sketch;
  sketch.add(0x123456789ABCDEFULL * static_cast<unsigned char>(instance.back()));
  line.update({{"from", from},
               {"instance", instance},
               {"operations", 10},
               {"verdicts", {{"match", 8}, {"mismatch", 1}}},
               {"kinds", {{"value", 1}}},
               {"skipped", {{"pin", 1}}},
               {"dropped", Json::object()},
               {"vacuous", 2},
               {"equalized", {{"exact", 8}}},
               {"legacy", {{"le", {0.001, 0.01}}, {"counts", {4, 4, 1}}, {"seconds", 0.05}}},
               {"rewrite", {{"le", {0.001, 0.01}}, {"counts", {9, 0, 0}}, {"seconds", 0.025}}},
               {"names", {{"id", {{"nulls", 1}}}}},
               {"distinct", {{"estimate", 1}, {"sketch", sketch.text()}}},
               {"suppressed", 0}});
  return line;
}

constexpr const char* kOne = "2026-11-24T12:00:00.000Z";
constexpr const char* kTwo = "2026-11-24T12:01:00.000Z";
constexpr const char* kThree = "2026-11-24T12:02:00.000Z";

const VersionEvidence& version_of(const JournalEvidence& evidence, const std::string& version) {
  return evidence.rules.at("r").versions.at(version);
}

JournalEvidence read(const std::vector<Json>& lines, JournalReader::Options options = {}) {
  std::stringstream text;
  for (const auto& line : lines) text << line.dump() << '\n';
  JournalReader reader(std::move(options));
  reader.read(text, "j");
  return reader.evidence();
}

TEST_CASE("times are read to the millisecond, and nothing else is a time") {
  const auto day = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};
  CHECK(read_journal_time("2026-11-24") == day);
  CHECK(read_journal_time("2026-11-24T22:49:33Z") == day + 22h + 49min + 33s);
  CHECK(read_journal_time("2026-11-24T22:49:33.123Z") == day + 22h + 49min + 33s + 123ms);
  for (const char* other : {"", "yesterday", "2026-13-01", "2026-11-24T22:49",
                            "2026-11-24T25:00:00Z", "2026-11-24T22:49:33Z!", "2026-11-24 22:49:33"})
    CHECK_FALSE(read_journal_time(other).has_value());
}

TEST_CASE("a sketch reads back as it was written, sparse and dense") {
  for (const std::uint64_t count : {0U, 1U, 300U, 20'000U}) {
    HyperLogLog sketch;
    for (std::uint64_t i = 1; i <= count; ++i) sketch.add(i * 0x9E3779B97F4A7C15ULL);
    const auto again = HyperLogLog::read(sketch.text());
    REQUIRE(again);
    CHECK(again->text() == sketch.text());
  }
  for (const char* wrong : {"x", "xx", "~~~", "__z", "-_A!!!"})
    CHECK_FALSE(HyperLogLog::read(wrong));
}

TEST_CASE("summaries add up, and one that was read before does not count again") {
  const std::vector<Json> lines = {summary(kOne, kTwo), summary(kTwo, kThree),
                                   summary(kOne, kTwo, "i2")};
  auto twice = lines;
  twice.insert(twice.end(), lines.begin(), lines.end());
  for (const auto& evidence : {read(lines), read(twice)}) {
    const auto& seen = version_of(evidence, "v1");
    CHECK(seen.operations == 30);
    CHECK(seen.verdict("match") == 24);
    CHECK(seen.comparisons() == 27);
    CHECK(seen.vacuous_share() == Approx(0.25));
    CHECK(seen.legacy.observations() == 27);
    CHECK(*seen.latency_ratio() == Approx(0.5));
    CHECK(seen.distinct_estimate() == 2);
    CHECK(seen.instances.size() == 2);
  }
  CHECK(read(twice).repeated == 3);
}

TEST_CASE("what is told of latencies does not depend on the order in which journals are read") {
  std::vector<Json> lines;
  for (const double seconds : {0.1, 0.2, 0.3}) {
    lines.push_back(summary(kOne, kTwo, "i" + std::to_string(lines.size())));
    lines.back()["legacy"]["seconds"] = seconds;
    lines.back()["rewrite"]["seconds"] = seconds * 0.7;
  }
  const auto told = [](const std::vector<Json>& read_so) {
    const auto evidence = read(read_so);
    return standings_json(report_standings(evidence, nullptr, {}), evidence, "report");
  };
  const auto first = told(lines);
  std::ranges::reverse(lines);
  CHECK(told(lines) == first);
}

TEST_CASE("what is older than `since` is left out") {
  JournalReader::Options options;
  options.since = read_journal_time("2026-11-24T12:01:30Z");
  CHECK(version_of(read({summary(kOne, kTwo), summary(kTwo, kThree)}, options), "v1").operations ==
        10);
}

TEST_CASE("quantiles lie inside their bucket, above all bounds at the last one") {
  LatencyEvidence latency;
  latency.counts = {{0.001, 0}, {0.002, 10}, {0.004, 0}};
  CHECK(latency.quantile(0.5) == Approx(0.0015));
  CHECK(latency.quantile(1) == Approx(0.002));
  latency.above = 90;
  CHECK(latency.quantile(0.95) == Approx(0.004));
  CHECK(LatencyEvidence{}.quantile(0.5) == 0);
}

TEST_CASE("evidence belongs to a version, the one seen last counts") {
  const auto evidence = read({summary(kTwo, kThree, "i1", "v2"), summary(kOne, kTwo)});
  const auto standings = report_standings(evidence, nullptr, {});
  REQUIRE(standings.rules.size() == 1);
  CHECK(standings.rules[0].current.version == "v2");
  REQUIRE(standings.rules[0].others.size() == 1);
  CHECK(standings.rules[0].others[0].version == "v1");
  CHECK(standings.rules[0].failures == std::vector<std::string>{"1 mismatch"});
}

TEST_CASE("sketches under two keys are not put together") {
  auto other = summary(kOne, kTwo, "i2");
  other["key"] = "k2";
  const auto evidence = read({summary(kOne, kTwo), other});
  CHECK(version_of(evidence, "v1").distinct_estimate() == 1);
  const auto notes = report_standings(evidence, nullptr, {}).rules[0].notes;
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("under 2 keys") != std::string::npos);
}

TEST_CASE("a mismatch that only its line tells of counts") {
  auto verdict = line_of("verdict", kTwo);
  verdict.update(
      {{"id", "i1-1"}, {"verdict", "mismatch"}, {"kind", "value"}, {"values", "hashed"}});
  const auto evidence = read({verdict, verdict});
  CHECK(version_of(evidence, "v1").failures() == 1);
  CHECK(version_of(evidence, "v1").examples.size() == 1);
  // The summary that came counts the same one.
  CHECK(version_of(read({verdict, summary(kOne, kTwo)}), "v1").verdict("mismatch") == 1);
  // Not that of another instance.
  const auto two = read({verdict, summary(kOne, kTwo, "i2")});
  CHECK(version_of(two, "v1").verdict("mismatch") == 2);
  CHECK(version_of(two, "v1").verdicts_total() == 10);
}

TEST_CASE("a bad state holds until another instance serves the rule after the bad one's end") {
  const auto state = [](const char* time, const char* instance, const char* what) {
    auto line = line_of("state", time);
    line.update({{"instance", instance}, {"state", what}});
    return line;
  };
  const auto bad = [](const std::vector<Json>& lines) {
    const auto evidence = read(lines);
    return evidence.bad_state(version_of(evidence, "v1"));
  };
  CHECK(bad({state(kOne, "i1", "ready")}).empty());
  CHECK(bad({state(kOne, "i1", "ready"), state(kTwo, "i1", "context_drift")}) == "context_drift");
  CHECK(bad({state(kOne, "i1", "broken"), state(kTwo, "i1", "ready")}).empty());
  CHECK(bad({state(kOne, "i1", "broken"), state(kTwo, "i2", "ready")}).empty());
  CHECK(bad({state(kOne, "i1", "broken"), state(kTwo, "i2", "ready"), summary(kTwo, kThree)}) ==
        "broken");
  // What a summary says of the state: a line of its own may be gone. It holds since it began.
  const auto said = [](Json line, const char* what) {
    line["state"] = what;
    return line;
  };
  CHECK(bad({said(summary(kOne, kTwo), "broken")}) == "broken");
  CHECK(bad({state(kOne, "i2", "ready"), said(summary(kOne, kTwo), "broken"),
             said(summary(kTwo, kThree, "i2"), "ready")}) == "broken");
  CHECK(bad({said(summary(kOne, kTwo), "broken"), said(summary(kTwo, kThree), "ready")}).empty());
}

TEST_CASE("a state that is older than `since` holds, of what has lines since then") {
  auto state = line_of("state", kOne);
  state.update({{"instance", "i1"}, {"state", "broken"}});
  auto gone = state;
  gone["rule"] = "gone";
  auto mended = state;
  mended.update({{"time", kTwo}, {"state", "ready"}});
  JournalReader::Options options;
  options.since = read_journal_time(kTwo);
  const auto evidence = read({gone, state, summary(kTwo, kThree)}, options);
  CHECK(evidence.bad_state(version_of(evidence, "v1")) == "broken");
  CHECK(evidence.in_time == 1);
  CHECK_FALSE(evidence.rules.contains("gone"));
  // What was told since is not undone by what was before, whatever that was.
  options.since = read_journal_time("2026-11-24T12:01:30Z");
  for (const char* now : {"broken", "ready"}) {
    auto last = state;
    last.update({{"time", kThree}, {"state", now}});
    const auto found = read({state, mended, last, summary(kTwo, kThree)}, options);
    CHECK(found.bad_state(version_of(found, "v1")) == (now[0] == 'b' ? "broken" : ""));
  }
}

TEST_CASE("the version that was heard of last counts, if only by its state") {
  auto state = line_of("state", kThree, "v2");
  state.update({{"instance", "i1"}, {"state", "broken"}});
  const auto evidence = read({summary(kOne, kTwo), state});
  CHECK(evidence.rules.at("r").newest()->version == "v2");
  // Of two instances whose summaries have one time, the version that began later.
  const auto both =
      read({summary(kOne, kTwo), summary(kTwo, kThree), summary(kTwo, kThree, "i2", "v0")});
  CHECK(both.rules.at("r").newest()->version == "v0");
}

TEST_CASE("what is no line of a journal is told with its place") {
  std::stringstream text("\nno\n{}\n{\"v\": 2, \"type\": \"summary\"}\n" +
                         summary(kOne, kTwo).dump() + "\n{\"v\": 1, \"ty");
  JournalReader reader({});
  reader.read(text, "j");
  const auto& problems = reader.evidence().problems;
  REQUIRE(problems.size() == 4);
  CHECK(problems[0].line == 2);
  CHECK(problems[2].what == "journal version 2; this program reads 1");
  CHECK(problems[3].what == "the last line is torn");
  CHECK(reader.evidence().lines == 1);
  auto buckets = summary(kOne, kTwo);
  buckets["legacy"]["counts"] = {1};
  auto negative = summary(kOne, kTwo);
  negative["distinct"]["sketch"] = "!";
  CHECK(read({buckets, negative}).problems_total == 2);
  std::stringstream deep(std::string(1'000'000, '['));
  JournalReader of_deep({});
  of_deep.read(deep, "j");
  CHECK(of_deep.evidence().problems_total == 1);
}

TEST_CASE("the bound is three in so many") {
  CHECK(failure_bound(0) == 1);
  CHECK(failure_bound(300) == Approx(0.01));
}

TEST_CASE("readiness names each number that it has and needs") {
  const auto evidence = read({summary(kOne, kTwo)});
  const auto standing = ready_standings(evidence, nullptr, {}).rules[0];
  CHECK(standing.failures == std::vector<std::string>{"1 mismatch"});
  CHECK(standing.missing == std::vector<std::string>{"9 comparisons, needs 1000",
                                                     "1 different sets of parameters, needs 20"});
  ReadyCriteria strict;
  strict.min_comparisons = 1;
  strict.min_distinct = 1;
  strict.max_vacuous = 0.2;
  strict.max_latency_ratio = 0.4;
  CHECK(ready_standings(evidence, nullptr, strict).rules[0].missing.size() == 2);
}

TEST_CASE("what is never compared for a reason of its own is told, and may be too much") {
  auto line = summary(kOne, kTwo);
  line["skipped"] = {{"pin", 70}, {"sampled_out", 500}, {"too_large", 2}, {"context", 1}};
  ReadyCriteria criteria;
  criteria.min_comparisons = criteria.min_distinct = 1;
  const auto told = [&](auto of) {
    const auto standing = ready_standings(read({line}), nullptr, criteria).rules[0];
    const auto& all = standing.*of;
    return std::ranges::count_if(all, [](const std::string& one) {
      return one.find("(context 1, too_large 2)") != std::string::npos;
    });
  };
  CHECK(told(&RuleStanding::notes) == 1);
  CHECK(told(&RuleStanding::missing) == 0);
  criteria.max_uncompared = 0.2;  // 3 of 12
  CHECK(told(&RuleStanding::notes) == 0);
  CHECK(told(&RuleStanding::missing) == 1);
}

TEST_CASE("an expectation that has ended is not ready, whatever was expected under it") {
  const auto missing = [&](std::chrono::year until) {
    const auto rules = one_rule({{{MismatchKind::value}, until / 1 / 31, "", {}}});
    auto line = summary(kOne, kTwo);
    line["rule"] = rules->rules()[0]->name;
    line["version"] = rules->rules()[0]->version;
    line["verdicts"] = {{"match", 1000}, {"expected", 2}};
    const auto standings = ready_standings(read({line}), rules.get(), {});
    return std::ranges::count_if(standings.rules.at(0).missing, [](const std::string& one) {
      return one.find("2 differences were expected") != std::string::npos;
    });
  };
  CHECK(missing(std::chrono::year(2020)) == 1);
  CHECK(missing(std::chrono::year(2999)) == 0);
}

TEST_CASE("a recorded operation has the values of its line, or is refused with the reason") {
  const auto rules = one_rule();
  Json line = {{"rule", "userRouter.get"},
               {"values", "full"},
               {"version", "old"},
               {"side", "legacy"},
               {"user", "app"},
               {"settings", Json::array({Json::array({"datestyle", "SQL"})})},
               {"parameters", {{"id", "7"}, {"kinds", {"a", nullptr}}}}};
  const auto recorded = recorded_operation(line.dump(), *rules);
  REQUIRE(std::holds_alternative<RecordedOperation>(recorded));
  const auto& operation = std::get<RecordedOperation>(recorded);
  CHECK(operation.other_version);
  CHECK(operation.values.at("id").members[0].bytes == "7");
  CHECK(operation.values.at("kinds").list);
  CHECK(operation.values.at("kinds").members[1].null);
  CHECK_FALSE(operation.context->style.iso_dates);
  const auto refused = [&](const char* key, const Json& value) {
    auto other = line;
    other[key] = value;
    const auto end = recorded_operation(other.dump(), *rules);
    const auto* why = std::get_if<std::string>(&end);
    return why == nullptr ? std::string() : *why;
  };
  CHECK(refused("values", "hashed").find("values: full") != std::string::npos);
  CHECK(refused("rule", "none").find("`none`") != std::string::npos);
  CHECK(refused("parameters", {{"id", "7"}}).find("kinds") != std::string::npos);
  CHECK(refused("parameters", {{"id", 7}, {"kinds", Json::array()}}) ==
        "its parameters are not those of a journal");
}

Json sample(int id, bool vacuous = false, const std::string& time = kOne) {
  auto line = line_of("sample", time);
  line.update({{"id", "i1-" + std::to_string(id)},
               {"vacuous", vacuous},
               {"values", "full"},
               {"parameters", {{"id", std::to_string(id)}}},
               {"legacy_rows", 3}});
  return line;
}

TEST_CASE("samples are no evidence") {
  const auto without = read({summary(kOne, kTwo)});
  const auto with = read({sample(1, false, kThree), summary(kOne, kTwo), sample(2, true, kThree)});
  CHECK(version_of(with, "v1").comparisons() == version_of(without, "v1").comparisons());
  CHECK(version_of(with, "v1").last == version_of(without, "v1").last);
  CHECK(version_of(with, "v1").told_by.at("i1").lines.empty());
  CHECK(with.problems_total == 0);
  CHECK(read({sample(1)}).rules.empty());
}

std::vector<std::string> kept(const std::vector<Json>& lines, std::size_t samples) {
  std::stringstream text;
  for (const auto& line : lines) text << line.dump() << '\n';
  JournalReader reader({.since = std::nullopt, .samples = samples});
  reader.read(text, "j");
  std::vector<std::string> ids;
  for (const auto& line : reader.samples().lines("r")) ids.push_back(Json::parse(line)["id"]);
  return ids;
}

TEST_CASE("of samples the latest are kept, of each value one, some of them vacuous") {
  const std::vector<Json> lines = {sample(1), sample(2), sample(3, false, kTwo), sample(4, true),
                                   sample(5, true, kTwo)};
  CHECK(kept(lines, 0).empty());
  CHECK(kept(lines, 2) == std::vector<std::string>{"i1-3", "i1-5"});
  CHECK(kept(lines, 8) == std::vector<std::string>{"i1-3", "i1-1", "i1-2", "i1-5", "i1-4"});
  auto again = sample(1, false, kThree);
  again["id"] = "i2-1";
  CHECK(kept({sample(1), sample(2), again}, 8) == std::vector<std::string>{"i2-1", "i1-2"});
  CHECK(kept({sample(1), sample(1)}, 8).size() == 1);
}

TEST_CASE("power below what is asked for is missing, otherwise it decides nothing") {
  const auto evidence = read({summary(kOne, kTwo)});
  RulePower power;
  power.planted = 4;
  power.caught = 3;
  const auto missing = [&](std::optional<double> least) {
    ReadyCriteria criteria;
    criteria.min_comparisons = 1;
    criteria.min_distinct = 1;
    criteria.min_power = least;
    return ready_standings(evidence, nullptr, criteria, {{"r", power}}).rules[0].missing;
  };
  CHECK(missing(std::nullopt).empty());
  CHECK(missing(0.75).empty());
  CHECK(missing(0.8) == std::vector<std::string>{
                            "75 % of the planted mistakes were caught, at least 80 % must be"});
  power.unknown = "no operation is recorded";
  CHECK(missing(std::nullopt).empty());
  CHECK(missing(0) == std::vector<std::string>{"its power is not known: no operation is recorded"});
}

}  // namespace
}  // namespace parallax::shadow::tests
