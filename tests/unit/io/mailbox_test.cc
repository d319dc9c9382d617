#include "proxy/io/mailbox.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <thread>

namespace parallax::io {

TEST_CASE("a ring refuses when it is full and gives back in order") {
  SpscRing<std::string> ring(2);
  REQUIRE(ring.try_push("a"));
  REQUIRE(ring.try_push("b"));
  REQUIRE_FALSE(ring.try_push("c"));
  REQUIRE(ring.try_pop() == "a");
  REQUIRE(ring.try_push("d"));
  REQUIRE(ring.try_pop() == "b");
  REQUIRE(ring.try_pop() == "d");
  REQUIRE_FALSE(ring.try_pop().has_value());
}

TEST_CASE("the budget bounds jobs and bytes, and a refusal takes nothing") {
  QueueBudget budget(2, 100);
  REQUIRE(budget.take(60) == QueueBudget::Refusal::none);
  REQUIRE(budget.take(60) == QueueBudget::Refusal::bytes);
  REQUIRE(budget.take(40) == QueueBudget::Refusal::none);
  REQUIRE(budget.take(0) == QueueBudget::Refusal::jobs);
  REQUIRE(budget.jobs() == 2);
  REQUIRE(budget.bytes() == 100);
  budget.give_back(60);
  budget.give_back(40);
  REQUIRE(budget.jobs() == 0);
  REQUIRE(budget.bytes() == 0);
}

TEST_CASE(
    "one producer, one consumer: every value arrives once, in order, and no wake-up is lost") {
  constexpr int kValues = 200'000;
  Loop loop;
  SpscRing<std::unique_ptr<int>> ring(64);
  int expected = 0;
  bool in_order = true;
  auto wakeup = std::make_unique<Wakeup>(loop, [&] {
    while (auto value = ring.try_pop()) {
      in_order = in_order && **value == expected;
      ++expected;
    }
    if (expected == kValues) loop.stop();
  });
  std::thread producer([&] {
    for (int i = 0; i < kValues; ++i) {
      auto value = std::make_unique<int>(i);
      while (!ring.try_push(std::move(value))) std::this_thread::yield();
      wakeup->wake();
    }
  });
  loop.run();
  producer.join();
  wakeup.reset();
  REQUIRE(in_order);
  REQUIRE(expected == kValues);
}

}  // namespace parallax::io
