#include "shadow/drift_watch.h"

#include <catch2/catch.hpp>

namespace parallax::shadow {

TEST_CASE(
    "a hundred results in a row that the shadow does not give are a drift, one less is none") {
  DriftWatch watch;
  const auto differ = [&watch](int times) {
    std::optional<DriftWatch::Change> last;
    for (int i = 0; i < times; ++i) {
      REQUIRE_FALSE(last);
      last = watch.saw(true, RuleState::ready);
    }
    return last;
  };
  CHECK_FALSE(differ(99));
  CHECK_FALSE(watch.saw(false, RuleState::ready));
  CHECK_FALSE(differ(99));
  const auto drift = watch.saw(true, RuleState::ready);
  REQUIRE(drift);
  CHECK(drift->state == RuleState::context_drift);
  CHECK_FALSE(watch.saw(true, RuleState::context_drift));
  const auto back = watch.saw(false, RuleState::context_drift);
  REQUIRE(back);
  CHECK(back->state == RuleState::ready);
  CHECK_FALSE(differ(99));
}

TEST_CASE("a rule that is not ready does not drift") {
  DriftWatch watch;
  for (int i = 0; i < 300; ++i) REQUIRE_FALSE(watch.saw(true, RuleState::unverified));
  CHECK(watch.saw(true, RuleState::ready));  // verified again, and still nothing but differences
}

}  // namespace parallax::shadow
