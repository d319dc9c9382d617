// What the governor hears of, and what it takes back.

#include "tests/unit/shadow/tap_fixture.h"

namespace parallax::shadow::tests {
namespace {

const std::string kRead = "SELECT id FROM users WHERE id = 'a' LIMIT 1";

struct Governed : Fixture {
  explicit Governed(double sample = 1.0, Mode top = Mode::shadow)
      : Fixture(one_rule(sample)), shares(1) {
    tap = std::make_unique<WorkerTap>(
        rules, metrics, *shard, intake, [this](const Rule&) { return state; },
        TapOptions{.user = "app",
                   .database = "shop",
                   .modes = RuleModes(mode_switch, top),
                   .sample_shares = &shares,
                   .seed = 7});
    open("app", "shop");
  }
  std::size_t offered(int reads) {
    intake.operations.clear();
    for (int i = 0; i < reads; ++i) simple(kRead, "SELECT 1");
    check_law();
    return intake.operations.size();
  }

  SampleShares shares;
  ModeSwitch mode_switch;
};

TEST_CASE("of what the rule's sample takes, the governor's share is offered") {
  Governed session(0.5);
  session.shares.set(0, 0.25);
  const auto some = session.offered(4000);
  CHECK(some > 400);
  CHECK(some < 600);
  CHECK(session.skipped(SkipReason::sampled_out) == 4000 - some);
  session.shares.set(0, 1.0);
  CHECK(session.offered(400) > 150);
}

TEST_CASE("the governor hears how long each statement took, also those not sampled") {
  Governed session(0.0);
  session.client(test::fe::query(kRead));
  session.now += 4'000'000;
  session.server(command_complete("SELECT 1") + ready('I'));
  REQUIRE(session.intake.samples.size() == 1);
  const auto& sample = session.intake.samples.front();
  CHECK(sample.rule == 0);
  CHECK(sample.side == Side::legacy);
  CHECK(sample.seconds == Approx(0.005));
  CHECK(sample.completed_ns == session.now);
  CHECK(session.intake.operations.empty());
}

TEST_CASE("what fails, fits no pin, or is off tells the governor nothing") {
  Governed session;
  session.client(test::fe::query(kRead));
  session.server(error("57014") + ready('I'));
  session.simple("SELECT id FROM users WHERE id = 'a' LIMIT 2", "SELECT 1");
  session.mode_switch.set(Mode::off);
  session.simple(kRead, "SELECT 1");
  CHECK(session.operations() == 3);
  CHECK(session.intake.samples.empty());
}

}  // namespace
}  // namespace parallax::shadow::tests
