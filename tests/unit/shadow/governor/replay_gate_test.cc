#include "shadow/governor/replay_gate.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

namespace parallax::shadow {
namespace {

struct World {
  explicit World(std::size_t width) : gate(width) {}
  void come(int who) {
    gate.enter([this, who] { began.push_back(who); });
  }
  ReplayGate gate;
  std::vector<int> began;
};

TEST_CASE("no more are inside than may be, and all come in turn") {
  World world(2);
  for (int i = 1; i <= 5; ++i) world.come(i);
  CHECK(world.began == std::vector{1, 2});
  world.gate.leave();
  CHECK(world.began == std::vector{1, 2, 3});
  world.gate.set_width(4);
  CHECK(world.began == std::vector{1, 2, 3, 4, 5});
  CHECK(world.gate.inside() == 4);
}

TEST_CASE("a narrower gate lets those inside end") {
  World world(3);
  for (int i = 1; i <= 4; ++i) world.come(i);
  world.gate.set_width(1);
  world.gate.leave();
  world.gate.leave();
  CHECK(world.began == std::vector{1, 2, 3});
  world.gate.leave();
  CHECK(world.began == std::vector{1, 2, 3, 4});
}

TEST_CASE("a shut gate lets nobody in until it opens") {
  World world(2);
  world.gate.set_shut(true);
  world.come(1);
  world.come(2);
  CHECK(world.began.empty());
  world.gate.set_shut(false);
  CHECK(world.began == std::vector{1, 2});
}

TEST_CASE("who leaves at once is no deeper call") {
  ReplayGate gate(1);
  int depth = 0;
  int deepest = 0;
  int left = 0;
  gate.set_shut(true);
  for (int i = 0; i < 10'000; ++i) {
    gate.enter([&] {
      deepest = std::max(deepest, ++depth);
      gate.leave();
      --depth;
      ++left;
    });
  }
  gate.set_shut(false);
  CHECK(left == 10'000);
  CHECK(deepest == 1);
  CHECK(gate.inside() == 0);
}

TEST_CASE("who was forgotten does not begin") {
  World world(1);
  world.come(1);
  world.come(2);
  world.gate.forget_waiting();
  world.gate.leave();
  CHECK(world.began == std::vector{1});
}

}  // namespace
}  // namespace parallax::shadow
