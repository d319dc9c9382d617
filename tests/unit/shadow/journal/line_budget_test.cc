#include "shadow/journal/line_budget.h"

#include <catch2/catch.hpp>

namespace parallax::shadow {
namespace {

using namespace std::chrono_literals;

TEST_CASE("so many lines a second, and what is left out is counted") {
  LineBudget budget(2);
  LineBudget::Time now{1000s};
  CHECK(budget.take(now));
  CHECK(budget.take(now));
  CHECK_FALSE(budget.take(now));
  CHECK_FALSE(budget.take(now + 400ms));
  CHECK(budget.take(now + 500ms));
  CHECK(budget.left_out() == 2);
  CHECK(budget.left_out() == 0);
  now += 1h;
  CHECK(budget.take(now));
  CHECK(budget.take(now));
  CHECK_FALSE(budget.take(now));
}

TEST_CASE("a clock that is set back stops nothing for long") {
  LineBudget budget(1);
  CHECK(budget.take(LineBudget::Time(1000s)));
  CHECK_FALSE(budget.take(LineBudget::Time(10s)));
  CHECK(budget.take(LineBudget::Time(11s)));
}

}  // namespace
}  // namespace parallax::shadow
