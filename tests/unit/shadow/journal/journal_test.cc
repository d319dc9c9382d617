#include "shadow/journal/journal.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <mutex>
#include <thread>

#include "tests/unit/shadow/journal/journal_support.h"

namespace parallax::shadow::tests {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct World {
  World() : metrics(registry, *rules), shard(&registry.make_shard()), counter(metrics, *shard) {}
  void start(std::chrono::milliseconds period = 1h, std::size_t queue = kJournalQueueBytes) {
    auto opened = JournalFile::open(path(), 1 << 20, 3);
    Journal::Settings settings;
    settings.options.key = "key of sixteen bytes";
    settings.options.rate = 100'000;
    settings.file = std::get<std::unique_ptr<JournalFile>>(std::move(opened));
    settings.tell = [this](const std::string& what) {
      const std::lock_guard lock(mutex);
      told.push_back(what);
    };
    settings.period = period;
    settings.queue_bytes = queue;
    journal = std::make_unique<Journal>(std::move(settings), rules, metrics, registry);
  }
  void ends(Verdict verdict) {
    const auto outcome = outcome_of(*rules->rules()[0], verdict, values_of("1"));
    shard->add(metrics.of(*rules->rules()[0]).operations);
    counter.ended(outcome);
    journal->outcome(outcome);
  }
  std::string path() const { return (inner() / "j").string(); }
  fs::path inner() const { return directory.path / "inner"; }
  std::vector<Json> lines(const char* type) const {
    std::vector<Json> all;
    for (const auto& line : lines_of(path())) {
      auto json = Json::parse(line);
      if (json["type"] == type) all.push_back(std::move(json));
    }
    return all;
  }
  template <typename Done>
  static bool within_seconds(int seconds, Done done) {
    for (int i = 0; i < seconds * 100; ++i) {
      if (done()) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  TemporaryDirectory directory;
  bool made = fs::create_directory(inner());
  std::shared_ptr<const RuleSet> rules = one_rule();
  metrics::Registry registry;
  ShadowMetrics metrics;
  metrics::Shard* shard;
  OutcomeCounter counter;
  std::mutex mutex;
  std::vector<std::string> told;
  std::unique_ptr<Journal> journal;
};

TEST_CASE("lines are written while it runs, the last summary when it stops") {
  World world;
  world.start();
  world.ends(Verdict::mismatch);
  CHECK(World::within_seconds(10, [&] { return world.lines("verdict").size() == 1; }));
  CHECK(world.lines("summary").empty());
  world.ends(Verdict::match);
  for (int i = 0; i < 100; ++i) world.ends(Verdict::race);
  world.journal->stop();
  CHECK(world.lines("verdict").size() == 101);
  REQUIRE(world.lines("summary").size() == 1);
  CHECK(world.lines("summary")[0]["verdicts"] ==
        Json{{"match", 1}, {"mismatch", 1}, {"race", 100}});
  CHECK(world.journal->errors() == 0);
  CHECK(world.told.empty());
}

TEST_CASE("a summary is written for each period, and they add up") {
  World world;
  world.start(50ms);
  for (std::size_t i = 1; i <= 3; ++i) {
    world.ends(Verdict::match);
    REQUIRE(World::within_seconds(10, [&] { return world.lines("summary").size() == i; }));
  }
  world.journal->stop();
  CHECK(world.lines("summary").size() == 3);
}

TEST_CASE("while the directory is gone lines are lost and told once; no summary is") {
  World world;
  world.start(50ms);
  fs::remove_all(world.inner());
  for (int i = 0; i < 20; ++i) world.ends(Verdict::mismatch);
  // All lines, and summaries again and again.
  REQUIRE(World::within_seconds(10, [&] { return world.journal->errors() >= 25; }));
  fs::create_directory(world.inner());
  world.ends(Verdict::mismatch);
  REQUIRE(World::within_seconds(10, [&] { return !world.lines("summary").empty(); }));
  world.journal->stop();
  std::uint64_t mismatches = 0;
  for (const auto& summary : world.lines("summary"))
    mismatches += summary["verdicts"]["mismatch"].get<std::uint64_t>();
  CHECK(mismatches == 21);
  CHECK(world.lines("verdict").size() == 1);
  REQUIRE(world.told.size() == 2);  // at once, and the rest at the end
  CHECK(world.told[0].find(world.path() + ": No such file or directory") != std::string::npos);
}

TEST_CASE("a queue that is full loses lines and counts them, and never waits") {
  World world;
  world.start(1h, 10);  // no line fits
  for (int i = 0; i < 5; ++i) world.ends(Verdict::mismatch);
  world.journal->stop();
  CHECK(world.journal->errors() == 5);
  CHECK(world.lines("verdict").empty());
  CHECK(world.lines("summary")[0]["verdicts"]["mismatch"] == 5);
  REQUIRE(world.told.size() == 1);
  CHECK(world.told[0].find("5 lines were lost") != std::string::npos);
}

}  // namespace
}  // namespace parallax::shadow::tests
