#include "shadow/breaker.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "shadow/breakers.h"

namespace parallax::shadow {
namespace {

using namespace std::chrono_literals;

constexpr Breaker::Replay kGood{false, 0.002, 0.002};
constexpr Breaker::Replay kCostly{true, 0, 0.002};
constexpr Breaker::Replay kSlow{false, 0.2, 0.002};

// A breaker and a clock that stands still.
struct World {
  explicit World(const Breaker::Limits& limits = Breaker::kOfRule) : breaker(limits) {}

  // A replay from its beginning to its end; nothing when it was not admitted.
  std::optional<Breaker::Change> replay(const Breaker::Replay& how, int times = 1) {
    std::optional<Breaker::Change> last;
    for (int i = 0; i < times; ++i) {
      REQUIRE_FALSE(last);
      REQUIRE(breaker.admits(now));
      last = breaker.ended(breaker.begin(now), how, now);
    }
    return last;
  }
  void pass(std::chrono::nanoseconds time) { now += static_cast<std::uint64_t>(time.count()); }

  Breaker breaker;
  std::uint64_t now = 1'000'000'000;
};

TEST_CASE("five costly replays in a row open a rule's breaker, four do not") {
  World world;
  CHECK_FALSE(world.replay(kCostly, 4));
  CHECK_FALSE(world.replay(kGood));
  CHECK_FALSE(world.replay(kCostly, 4));
  const auto change = world.replay(kCostly);
  REQUIRE(change);
  CHECK(change->open);
  CHECK(change->reason == "5 replays in a row timed out, failed or had no end");
  CHECK_FALSE(world.breaker.admits(world.now));
}

TEST_CASE("every second replay costly opens it too, every third does not") {
  World world;
  for (int i = 0; i < 100; ++i) {
    REQUIRE_FALSE(world.replay(kGood, 2));
    REQUIRE_FALSE(world.replay(kCostly));
  }
  World half;
  std::optional<Breaker::Change> change;
  int replays = 0;
  for (; !change && replays < 100; ++replays)
    change = half.replay(replays % 2 == 0 ? kGood : kCostly);
  REQUIRE(change);
  CHECK(change->reason == "10 of the last 20 replays timed out, failed or had no end");
  CHECK(replays == 20);
}

TEST_CASE("verdicts open nothing, however many there are") {
  World world;
  CHECK_FALSE(world.replay(kGood, 1000));
}

TEST_CASE("after its pause one replay tries, and closes it when it ends well") {
  World world;
  REQUIRE(world.replay(kCostly, 5));
  world.pass(kBreakerPauseFirst - 1ms);
  CHECK_FALSE(world.breaker.admits(world.now));
  world.pass(1ms);
  REQUIRE(world.breaker.admits(world.now));
  const auto probe = world.breaker.begin(world.now);
  CHECK(probe == Breaker::Ticket::probe);
  CHECK_FALSE(world.breaker.admits(world.now));
  world.pass(1h);  // however long it takes
  CHECK_FALSE(world.breaker.admits(world.now));
  const auto change = world.breaker.ended(probe, kGood, world.now);
  REQUIRE(change);
  CHECK_FALSE(change->open);
  CHECK(world.breaker.admits(world.now));
  CHECK_FALSE(world.replay(kCostly, 4));  // what was before is forgotten
}

TEST_CASE("a probe that ends badly opens it again without a word, for twice as long") {
  World world;
  REQUIRE(world.replay(kCostly, 5));
  auto pause = std::chrono::milliseconds(kBreakerPauseFirst);
  for (int i = 0; i < 10; ++i) {
    world.pass(pause);
    CHECK_FALSE(world.replay(kCostly));
    pause = std::min(pause * 2, std::chrono::milliseconds(kBreakerPauseMax));
    world.pass(pause - 1ms);
    CHECK_FALSE(world.breaker.admits(world.now));
    world.pass(1ms);
    CHECK(world.breaker.admits(world.now));
  }
}

TEST_CASE("replays that were under way when it opened decide nothing") {
  World world;
  std::vector<Breaker::Ticket> under_way;
  for (int i = 0; i < 10; ++i) under_way.push_back(world.breaker.begin(world.now));
  REQUIRE(world.replay(kCostly, 5));
  for (int i = 0; i < 4; ++i) CHECK_FALSE(world.breaker.ended(under_way[0], kGood, world.now));
  CHECK_FALSE(world.breaker.admits(world.now));
  world.pass(kBreakerPauseFirst);
  const auto probe = world.breaker.begin(world.now);
  CHECK_FALSE(world.breaker.ended(under_way[4], kGood, world.now));
  CHECK_FALSE(world.breaker.ended(under_way[5], kCostly, world.now));
  CHECK_FALSE(world.breaker.admits(world.now));
  CHECK(world.breaker.ended(probe, kGood, world.now));
}

TEST_CASE("the pause is short again after it has been closed for long") {
  World world;
  REQUIRE(world.replay(kCostly, 5));
  world.pass(kBreakerPauseFirst);
  REQUIRE(world.replay(kGood));
  REQUIRE(world.replay(kCostly, 5));
  world.pass(kBreakerPauseFirst);
  CHECK_FALSE(world.breaker.admits(world.now));  // it was closed for a moment only
  world.pass(kBreakerPauseFirst);
  REQUIRE(world.replay(kGood));
  REQUIRE_FALSE(world.replay(kGood, static_cast<int>(Breaker::kPaired)));
  REQUIRE(world.replay(kCostly, 5));
  world.pass(kBreakerPauseFirst);
  CHECK(world.breaker.admits(world.now));
}

TEST_CASE("replays ten times slower than the client's wait open it, one in sixty does not") {
  World world;
  for (int i = 0; i < 10; ++i) {
    REQUIRE_FALSE(world.replay(kSlow));
    REQUIRE_FALSE(world.replay(kGood, 63));
  }
  CHECK_FALSE(world.replay(kSlow, 3));
  const auto change = world.replay(kSlow);
  REQUIRE(change);
  CHECK(change->reason == "4 of 4 replays took ten times as long as the client waited");
  World others;
  CHECK_FALSE(others.replay({false, 0.09, 0.0001}, 1000));  // quick all the same
  CHECK_FALSE(others.replay({false, 1.9, 0.2}, 1000));      // the client waits long as well
  CHECK_FALSE(others.replay({false, 1.9, 0}, 1000));        // not known
}

TEST_CASE("one bad rule closes no door on the others, a bad server does on all") {
  Rule bad;
  bad.index = 0;
  Rule good;
  good.index = 1;
  std::vector<std::string> changes;
  Breakers breakers(2, 4, [&](const Rule* rule, const Breaker::Change& change) {
    changes.push_back((rule == nullptr ? "all"
                       : rule == &bad  ? "bad"
                                       : "good") +
                      std::string(change.open ? " open" : " closed"));
  });
  std::uint64_t now = 1;
  const auto replay = [&](const Rule& rule, const Breaker::Replay& how) {
    if (breakers.admits(rule, now)) breakers.ended(rule, breakers.begin(rule, now), how, now);
  };
  for (int i = 0; i < 100; ++i) replay(bad, kCostly);
  CHECK(changes == std::vector<std::string>{"bad open"});
  CHECK_FALSE(breakers.admits(bad, now));
  CHECK(breakers.admits(good, now));
  for (int i = 0; i < 100; ++i) replay(good, kGood);
  CHECK(changes.size() == 1);

  Breakers server(40, 4, [&](const Rule* rule, const Breaker::Change&) {
    CHECK(rule == nullptr);
    changes.emplace_back("server");
  });
  std::vector<Rule> rules(40);
  for (std::uint32_t i = 0; i < rules.size(); ++i) rules[i].index = i;
  for (const auto& rule : rules) {
    if (server.admits(rule, now)) server.ended(rule, server.begin(rule, now), kCostly, now);
  }
  CHECK(changes.back() == "server");
  for (const auto& rule : rules) CHECK_FALSE(server.admits(rule, now));
}

TEST_CASE("what is costly is what took the server's time for no verdict") {
  using End = decltype(Outcome::end);
  for (const auto verdict : kVerdicts)
    CHECK(is_costly(End(verdict)) == (verdict == Verdict::timeout));
  for (const auto skip : kSkipReasons) {
    CHECK(is_costly(End(skip)) == (skip == SkipReason::server || skip == SkipReason::too_large));
  }
  for (const auto drop : kDropReasons) CHECK_FALSE(is_costly(End(drop)));
}

}  // namespace
}  // namespace parallax::shadow
