#include "shadow/journal/hyperloglog.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <string>

#include "tests/support/seed.h"

namespace parallax::shadow {
namespace {

constexpr double kStandardError = 1.04 / 45.25;  // sqrt(2048)

TEST_CASE("a sketch of nothing is empty") {
  const HyperLogLog sketch;
  CHECK(std::llround(sketch.estimate()) == 0);
  CHECK(sketch.text().empty());
}

TEST_CASE("a handful is counted exactly, repetitions once") {
  std::mt19937_64 random(1);  // fixed: two of ten might share a register
  HyperLogLog sketch;
  for (int i = 0; i < 10; ++i) {
    const auto hash = random();
    for (int again = 0; again < 5; ++again) sketch.add(hash);
  }
  CHECK(std::llround(sketch.estimate()) == 10);
}

TEST_CASE("the error stays within five standard errors from ten to a million") {
  std::mt19937_64 random(test::run_seed());
  HyperLogLog sketch;
  std::size_t count = 0;
  for (const std::size_t target :
       {100UL, 1000UL, 3000UL, 6000UL, 10'000UL, 100'000UL, 1'000'000UL}) {
    for (; count < target; ++count) sketch.add(random());
    const double error = sketch.estimate() / static_cast<double>(target) - 1;
    INFO(target << ": " << error);
    CHECK(std::abs(error) < 5 * kStandardError);
  }
}

TEST_CASE("merged sketches are the sketch of both") {
  std::mt19937_64 random(test::run_seed());
  HyperLogLog one;
  HyperLogLog other;
  HyperLogLog both;
  for (int i = 0; i < 3000; ++i) {
    const auto hash = random();
    if (i % 3 != 0) one.add(hash);
    if (i % 3 != 1) other.add(hash);
    both.add(hash);
  }
  CHECK(one.text() != both.text());
  one.merge(other);
  CHECK(one.text() == both.text());
}

TEST_CASE("the text holds register numbers and ranks, or all ranks where that is shorter") {
  HyperLogLog sketch;
  sketch.add(std::uint64_t{1} << 63);                                // register 1024, rank 54
  sketch.add((std::uint64_t{65} << 53) | (std::uint64_t{1} << 52));  // register 65, rank 1
  CHECK(sketch.text() == "111G0s");
  std::mt19937_64 random(test::run_seed());
  for (int i = 0; i < 20'000; ++i) sketch.add(random());
  CHECK(sketch.text().size() == HyperLogLog::kRegisters);
  CHECK(sketch.text()[1024] == 's');
}

}  // namespace
}  // namespace parallax::shadow
