#include "shadow/journal/sample_budget.h"

#include <catch2/catch.hpp>
#include <random>

namespace parallax::shadow::tests {
namespace {

TEST_CASE("the first samples are taken as they come, each of other parameters") {
  SampleBudget budget;
  for (std::uint64_t i = 0; i < kSamplesAtOnce; ++i) {
    CHECK(budget.take(2 * i + 1, false));
    CHECK_FALSE(budget.take(2 * i + 1, false));
  }
  CHECK_FALSE(budget.take(12345, false));  // odd: not among the half that is taken now
  CHECK(budget.take(12346, false));
}

TEST_CASE("then ever fewer are taken, and in the end none") {
  SampleBudget budget;
  std::mt19937_64 random(7);
  std::vector<int> taken_at;
  for (int i = 0; i < 100000; ++i) {
    if (budget.take(random(), false)) taken_at.push_back(i);
  }
  REQUIRE(taken_at.size() == kSamplesWithRowsMax);
  CHECK(taken_at[kSamplesAtOnce - 1] == kSamplesAtOnce - 1);
  CHECK(taken_at.back() > 200);  // the last four are one in 64 each
}

TEST_CASE("a few are of empty results, and they take no other's place") {
  SampleBudget budget;
  std::size_t vacuous = 0;
  for (std::uint64_t i = 0; i < 100; ++i) vacuous += budget.take(i, true) ? 1U : 0U;
  CHECK(vacuous == kVacuousSamplesMax);
  for (std::uint64_t i = 0; i < kSamplesAtOnce; ++i) CHECK(budget.take(1000 + i, false));
}

}  // namespace
}  // namespace parallax::shadow::tests
