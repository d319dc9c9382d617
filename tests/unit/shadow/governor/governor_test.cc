#include "shadow/governor/governor.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

using test::seed;

// A server and clients that never stop. Replays slow statements down while they run.
struct World {
  explicit World(std::uint64_t random_seed, std::size_t rules = 1)
      : governor(rules, 8, GovernorOptions{}), random(random_seed), kinds(rules) {}

  struct Kind {
    int live = 200;                // statements in an interval
    double seconds = 0.002;        // of one, while nothing else goes on
    double replay_seconds = 0.01;  // of its replay
    double slowed = 0;             // by each replay that runs
    double slowed_by_own = 0;      // by each replay of this kind that runs
  };

  // Replays of all kinds that run, on average.
  double load_of(std::size_t kind) const {
    const double sampled = kinds[kind].live * governor.share(kind);
    return sampled * kinds[kind].replay_seconds / 0.5;
  }
  double load() const {
    double sum = 0;
    for (std::size_t i = 0; i < kinds.size(); ++i) sum += load_of(i);
    return std::min(sum, static_cast<double>(governor.replays()));
  }

  std::vector<GovernorStep> interval() {
    const bool quiet_half = governor.wants_quiet();
    seconds = 0;
    statements = 0;
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
      for (int i = 0; i < kinds[kind].live; ++i) {
        const bool shut = quiet_half && i % 2 == 0;
        governor.set_quiet(shut);
        one(kind, shut ? 0 : running());
      }
      governor.replayed(kind, load_of(kind) * 0.5);
    }
    governor.set_quiet(false);
    auto steps = governor.interval();
    changes += steps.size();
    return steps;
  }
  int running() {
    const double now = load();
    const double whole = std::floor(now);
    return static_cast<int>(whole) + (uniform(random) < now - whole ? 1 : 0);
  }
  void one(std::size_t kind, int replays) {
    const auto& what = kinds[kind];
    const double own = replays == 0 ? 0 : replays * load_of(kind) / std::max(1e-9, sum_of_loads());
    const double took = what.seconds * slowness *
                        (1 + what.slowed * replays + what.slowed_by_own * own) *
                        std::exp(noise(random));
    governor.lived(kind, Side::legacy, took, replays == 0);
    seconds += took;
    ++statements;
  }
  double sum_of_loads() const {
    double sum = 0;
    for (std::size_t i = 0; i < kinds.size(); ++i) sum += load_of(i);
    return sum;
  }
  void intervals(int count) {
    for (int i = 0; i < count; ++i) interval();
  }
  bool whole() const {
    bool all = governor.replays() == 8;
    for (std::size_t i = 0; i < kinds.size(); ++i) all = all && governor.share(i) == 1.0;
    return all;
  }
  double mean() const { return seconds / statements; }

  Governor governor;
  std::mt19937_64 random;
  std::uniform_real_distribution<double> uniform{0, 1};
  std::normal_distribution<double> noise{0, 0.4};
  std::vector<Kind> kinds;
  double slowness = 1;  // of the server, whatever it does
  double seconds = 0;   // of the last interval's statements
  int statements = 0;
  std::size_t changes = 0;
};

TEST_CASE("load that slows clients down is taken back until they do not feel it, and given again") {
  const auto random_seed = seed();
  INFO("PARALLAX_SEED=" << random_seed);
  World world(random_seed);
  world.intervals(20);
  CHECK(world.whole());
  const double before = world.mean();
  world.kinds[0].slowed = 0.5;
  world.interval();
  CHECK(world.mean() > 1.8 * before);
  std::size_t least = 8;
  for (int i = 0; i < 60; ++i) {
    world.interval();
    least = std::min(least, world.governor.replays());
  }
  CHECK(least == 1);
  double sum = 0;
  for (int i = 0; i < 40; ++i) {
    world.interval();
    sum += world.mean();
  }
  CHECK(sum / 40 < 1.5 * before);
  CHECK(world.governor.share(0) > 0);
  world.kinds[0].slowed = 0;
  world.intervals(600);
  CHECK(world.whole());
}

TEST_CASE("a server that slows down by itself is no matter of the governor") {
  const auto random_seed = seed();
  INFO("PARALLAX_SEED=" << random_seed);
  World world(random_seed);
  world.intervals(20);
  for (const double slowness : {3.0, 1.0, 10.0, 2.0, 1.0}) {
    world.slowness = slowness;
    world.intervals(50);
  }
  CHECK(world.changes == 0);
}

TEST_CASE("noise changes nothing") {
  const auto random_seed = seed();
  INFO("PARALLAX_SEED=" << random_seed);
  World world(random_seed, 5);
  world.noise = std::normal_distribution<double>(0, 1);
  world.intervals(1000);
  CHECK(world.changes <= 4);
}

TEST_CASE("quiet is asked for where it lasts and somebody is to be seen, not for a burst") {
  Governor governor(1, 4, GovernorOptions{});
  const auto burst = [&](int statements) {
    for (int i = 0; i < statements; ++i) governor.lived(0, Side::legacy, 0.002, false);
  };
  for (int i = 0; i < 3; ++i) {
    burst(100);
    governor.interval();
    CHECK_FALSE(governor.wants_quiet());
  }
  burst(100);
  governor.interval();
  CHECK(governor.wants_quiet());
  SECTION("over") {
    governor.interval();
    CHECK_FALSE(governor.wants_quiet());
  }
  SECTION("going on") {
    burst(100);
    governor.interval();
    CHECK(governor.wants_quiet());
    governor.set_quiet(true);
    CHECK(governor.seen_in_quiet() == 0);
    for (int i = 0; i < 20; ++i) governor.lived(0, Side::legacy, 0.002, true);
    CHECK(governor.seen_in_quiet() == 20);
    CHECK_FALSE(governor.wants_quiet());
  }
}

TEST_CASE("what is not felt is left alone: less than half a millisecond") {
  World world(seed());
  world.kinds[0].seconds = 0.0002;
  world.kinds[0].slowed = 0.3;
  world.intervals(100);
  CHECK(world.whole());
}

TEST_CASE("where one rule of many suffers, its own share is lowered") {
  const auto random_seed = seed();
  INFO("PARALLAX_SEED=" << random_seed);
  World world(random_seed, 4);
  world.kinds[2].slowed_by_own = 2;
  for (auto& kind : world.kinds) kind.replay_seconds = 0.002;
  world.intervals(60);
  CHECK(world.governor.share(2) <= 0.5);
  for (const std::size_t other : {0U, 1U, 3U}) CHECK(world.governor.share(other) == 1.0);
  CHECK(world.governor.replays() == 8);
  world.kinds[2].slowed_by_own = 0;
  world.intervals(600);
  CHECK(world.whole());
}

TEST_CASE("where all suffer from the replays of one rule, that one's share is lowered") {
  const auto random_seed = seed();
  INFO("PARALLAX_SEED=" << random_seed);
  World world(random_seed, 4);
  for (auto& kind : world.kinds) {
    kind.slowed = 0.3;
    kind.replay_seconds = 0.00005;
  }
  world.kinds[1].replay_seconds = 0.02;
  world.intervals(40);
  CHECK(world.governor.share(1) < 0.2);
  CHECK(world.governor.share(0) >= 0.25);
}

TEST_CASE("replays that wait for their connection are sampled less") {
  Governor governor(1, 4, GovernorOptions{});
  for (int i = 0; i < 3; ++i) governor.waited(2.0);
  const auto steps = governor.interval();
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].what == GovernorStep::What::sample);
  CHECK(steps[0].sign == Sign::pool_wait);
  CHECK(governor.pressure(Sign::pool_wait) == 4.0);
  CHECK(governor.share(0) == 0.5);
  SECTION("once, for what had waited before that") {
    governor.waited(2.0);
    CHECK(governor.interval().empty());
    CHECK(governor.share(0) == 0.5);
  }
  SECTION("and again, where that did not help") {
    for (int i = 0; i < 10; ++i) {
      governor.waited(2.0);
      governor.interval();
    }
    CHECK(governor.share(0) < 0.5);
  }
  SECTION("and more again when they wait no longer") {
    for (int i = 0; i < 10; ++i) {
      governor.waited(0.01);
      governor.interval();
    }
    CHECK(governor.share(0) == 1.0);
  }
  CHECK(governor.replays() == 4);
}

struct Full {
  double used;
  double available;
};

// What the pool may have after the server was so full for `times` looks.
void hear(Governor& governor, Full full, int times) {
  for (int i = 0; i < times; ++i) {
    governor.connections(full.used, full.available, static_cast<double>(governor.pool()));
    for (int interval = 0; interval < 10; ++interval) governor.interval();
  }
}

TEST_CASE("a server that runs out of connections gets the pool's back") {
  Governor governor(1, 8, GovernorOptions{});
  hear(governor, {50, 100}, 3);
  CHECK(governor.pool() == 8);
  hear(governor, {88, 100}, 1);
  CHECK(governor.pool() == 4);
  hear(governor, {88, 100}, 5);
  CHECK(governor.pool() == 1);  // one stays
  SECTION("nearly full is not the time to take them again") {
    hear(governor, {80, 100}, 5);
    CHECK(governor.pool() == 1);
  }
  hear(governor, {50, 100}, 8);
  CHECK(governor.pool() == 8);
  CHECK(governor.replays() == 8);
}

TEST_CASE("a step changes something, whatever the limit") {
  for (std::size_t most = 2; most <= 12; ++most) {
    Governor governor(1, most, GovernorOptions{});
    std::size_t pool = most;
    for (int i = 0; i < 200; ++i) {
      governor.connections(100, 100, 0);
      for (const auto& step : governor.interval()) {
        CHECK(step.what == GovernorStep::What::connections);
        CHECK(step.before > step.after);
      }
      pool = governor.pool();
    }
    CHECK(pool == 1);
  }
}

TEST_CASE("a baseline is no older than it may be") {
  LatencyPair pair;
  for (std::size_t i = 0; i < LatencyPair::kQuietKept - LatencyPair::kLeast; ++i)
    pair.quiet(0.040, 1);
  for (std::size_t i = 0; i < LatencyPair::kLeast; ++i) {
    pair.quiet(0.010, 1000);
    pair.lately(0.020, 1000);
  }
  REQUIRE(pair.has_baseline(1000, 40));
  CHECK(pair.ratio(1000, 40).estimate == Approx(2));
}

TEST_CASE("where nobody comes any more no latency presses") {
  World world(seed());
  world.intervals(20);
  CHECK(world.governor.pressure(Sign::live_latency) > 0);
  world.kinds[0].live = 0;
  world.intervals(100);
  CHECK(world.governor.pressure(Sign::live_latency) == 0);
}

TEST_CASE("a sudden rise counts before the server is full") {
  Governor governor(1, 8, GovernorOptions{});
  hear(governor, {30, 100}, 10);
  hear(governor, {70, 100}, 1);
  CHECK(governor.pool() == 4);
  CHECK(governor.pressure(Sign::connections) > 1);
  governor.nothing_ran();
  CHECK(governor.pressure(Sign::connections) == 0);
  CHECK(governor.pool() == 4);
  hear(governor, {30, 100}, 8);
  CHECK(governor.pool() == 8);
}

TEST_CASE("no share falls to nothing, and no count") {
  World world(seed());
  world.kinds[0].slowed = 50;
  world.kinds[0].replay_seconds = 10;
  world.intervals(300);
  CHECK(world.governor.share(0) >= Governor::kLeastShare);
  CHECK(world.governor.replays() >= 1);
}

TEST_CASE("each step up that was one too many makes the next one wait longer") {
  Throttle throttle(1.0 / 8);
  std::uint64_t now = 0;
  REQUIRE(throttle.lower(++now));
  std::vector<std::uint64_t> waits;
  for (int i = 0; i < 6; ++i) {
    std::uint64_t waited = 1;
    while (!throttle.raise(++now)) ++waited;
    waits.push_back(waited);
    REQUIRE(throttle.lower(++now));
  }
  CHECK(waits == std::vector<std::uint64_t>{4, 8, 16, 32, 64, 64});
  // Borne, the steps come faster again.
  std::vector<std::uint64_t> borne;
  while (!throttle.whole()) {
    std::uint64_t waited = 1;
    while (!throttle.raise(++now)) ++waited;
    borne.push_back(waited);
  }
  CHECK(borne.front() == 64);
  CHECK(std::ranges::is_sorted(borne, std::greater<>()));
}

}  // namespace
}  // namespace parallax::shadow
