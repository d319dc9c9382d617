// Modes: a rule that is off costs nothing and is counted, and the context is followed all the same.

#include <algorithm>

#include "tests/unit/shadow/tap_fixture.h"

namespace parallax::shadow::tests {
namespace {

struct Switched : Fixture {
  explicit Switched(std::vector<RuleSource> sources = one_rule(), Mode top = Mode::shadow)
      : Fixture(std::move(sources)) {
    tap = std::make_unique<WorkerTap>(
        rules, metrics, *shard, intake, [this](const Rule&) { return state; },
        TapOptions{
            .user = "app", .database = "shop", .modes = RuleModes(mode_switch, top), .seed = 7});
    open("app", "shop");
  }
  void execute(const std::string& id) {
    client(test::fe::parse("", kSql) + bind("", {id, "1"}) + test::fe::execute() +
           test::fe::sync());
    server(kBound + command_complete("SELECT 1") + ready('I'));
  }
  std::uint64_t offs() const { return skipped(SkipReason::off); }

  ModeSwitch mode_switch;
};

TEST_CASE("while the switch is off nothing is offered, and each operation is counted once") {
  Switched session;
  session.mode_switch.set(Mode::off);
  session.execute("7");
  session.simple("SELECT id FROM users WHERE id = 7 LIMIT 1", "SELECT 1");
  CHECK(session.intake.operations.empty());
  CHECK(session.operations() == 2);
  CHECK(session.offs() == 2);
  session.check_law();
  session.mode_switch.set(std::nullopt);
  session.execute("8");
  session.simple("SELECT id FROM users WHERE id = 9 LIMIT 1", "SELECT 1");
  CHECK(session.intake.operations.size() == 2);
  CHECK(session.offs() == 2);
  session.check_law();
}

TEST_CASE("a portal is one operation while it is off, wherever its row limits end it") {
  Switched session;
  session.mode_switch.set(Mode::off);
  const auto limited = test::fe::execute("", 1);
  const auto suspended = test::be::data_row({"u1"}) + test::be::portal_suspended();
  // One row of one was asked for, and nobody asks again.
  session.client(test::fe::parse("", kSql) + bind("", {"7", "1"}) + limited + test::fe::sync());
  session.server(kBound + suspended + ready('I'));
  CHECK(session.offs() == 1);
  // Gone on with to its end, and once more behind it.
  session.client(test::fe::parse("", kSql) + bind("", {"7", "1"}) + limited + limited + limited +
                 test::fe::execute() + test::fe::sync());
  session.server(kBound + suspended + suspended + command_complete("SELECT 0") +
                 command_complete("SELECT 0") + ready('I'));
  CHECK(session.offs() == 2);
  CHECK(session.operations() == 2);
  session.check_law();
}

TEST_CASE("what was bound before the switch ends as it began") {
  Switched session;
  session.client(test::fe::parse("", kSql) + bind("", {"7", "1"}));
  session.mode_switch.set(Mode::off);
  session.client(test::fe::execute() + test::fe::sync());
  session.server(kBound + command_complete("SELECT 1") + ready('I'));
  CHECK(session.intake.operations.size() == 1);
  // And the other way round.
  session.client(test::fe::parse("", kSql) + bind("", {"7", "1"}));
  session.mode_switch.set(Mode::shadow);
  session.client(test::fe::execute() + test::fe::sync());
  session.server(kBound + command_complete("SELECT 1") + ready('I'));
  CHECK(session.intake.operations.size() == 1);
  CHECK(session.offs() == 1);
  session.check_law();
}

TEST_CASE("settings that are made while it is off go along afterwards") {
  Switched session;
  session.mode_switch.set(Mode::off);
  session.simple("SET search_path TO tenant_7", "SET");
  session.execute("7");
  session.mode_switch.set(std::nullopt);
  session.execute("7");
  REQUIRE(session.intake.operations.size() == 1);
  const std::pair<std::string, std::string> setting("search_path", "tenant_7");
  const auto& settings = session.intake.operations.front().context->settings;
  CHECK(std::ranges::find(settings, setting) != settings.end());
}

TEST_CASE("a rule that is off stays off under the switch") {
  auto sources = one_rule();
  sources.front().mode = Mode::off;
  Switched session(std::move(sources));
  session.execute("7");
  session.mode_switch.set(Mode::shadow);
  session.execute("7");
  CHECK(session.intake.operations.empty());
  CHECK(session.offs() == 2);
  session.check_law();
}

TEST_CASE("a rule may be shadowed where the configuration says off, until the switch") {
  auto sources = one_rule();
  sources.front().mode = Mode::shadow;
  Switched session(std::move(sources), Mode::off);
  session.execute("7");
  CHECK(session.intake.operations.size() == 1);
  session.mode_switch.set(Mode::off);
  session.execute("7");
  CHECK(session.intake.operations.size() == 1);
  CHECK(session.offs() == 1);
}

}  // namespace
}  // namespace parallax::shadow::tests
