// A session's bytes in, operations out: the tap behind a real conversation, with the engine's door
// held by the test.

#include "shadow/tap.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "protocol/conversation.h"
#include "tests/support/wire.h"

namespace parallax::shadow {
namespace {

using test::be::command_complete;
using test::be::error;
using test::be::ready;

const std::string kBound = test::be::parse_complete() + test::be::bind_complete();

std::string bind(const std::string& statement, const test::Values& parameters) {
  return test::fe::bind("", statement, parameters);
}

RuleSource rule(const std::string& name, const std::string& legacy, const std::string& rewrite,
                double sample = 1.0) {
  RuleSource source;
  source.name = {name, {"rules.yaml", 1, 1, false}};
  source.legacy = {legacy, {"rules.yaml", 2, 1, false}};
  source.rewrite = {rewrite, {"rules.yaml", 3, 1, false}};
  source.sample = sample;
  return source;
}

struct HeldIntake final : Intake {
  std::optional<DropReason> offer(Captured&& captured) noexcept override {
    if (refuse) return refuse;
    if (auto* operation = std::get_if<CapturedOperation>(&captured))
      operations.push_back(std::move(*operation));
    if (auto* statement = std::get_if<UncoveredStatement>(&captured))
      uncovered.push_back(std::move(*statement));
    return std::nullopt;
  }
  std::optional<DropReason> refuse;
  std::vector<CapturedOperation> operations;
  std::vector<UncoveredStatement> uncovered;
};

struct Fixture {
  explicit Fixture(std::vector<RuleSource> sources, bool dev = false)
      : compiled(RuleSet::compile(std::move(sources))),
        rules(std::get<RuleSet>(compiled)),
        metrics(registry, rules) {
    shard = &registry.make_shard();
    tap = std::make_unique<WorkerTap>(
        rules, metrics, *shard, intake, [this](const Rule&) { return state; },
        TapOptions{.user = "app", .database = "shop", .dev = dev, .seed = 7});
    open("app", "shop");
  }
  void open(const std::string& user, const std::string& database) {
    protocol::StartupParameters startup;
    startup.values = {{"user", user}, {"database", database}, {"TimeZone", "UTC"}};
    listener = tap->open_session(1, startup);
    conversation = std::make_unique<protocol::Conversation>(*listener);
    server(test::be::authentication_ok() + test::be::parameter_status("client_encoding", "UTF8") +
           ready('I'));
  }
  void client(const std::string& bytes) {
    conversation->client_bytes(protocol::as_bytes(bytes), now += 1'000'000);
  }
  void server(const std::string& bytes) {
    conversation->server_bytes(protocol::as_bytes(bytes), now += 1'000'000);
  }
  void simple(const std::string& sql, const std::string& tag, char status = 'I') {
    client(test::fe::query(sql));
    server(command_complete(tag) + ready(status));
  }
  std::uint64_t skipped(SkipReason reason) const {
    return registry.value(metrics.rules[0].skipped[static_cast<std::size_t>(reason)]);
  }
  std::uint64_t operations() const { return registry.value(metrics.rules[0].operations); }
  // operations = skipped + dropped + in flight, as nothing is ended here.
  void check_law() const {
    std::uint64_t ends = 0;
    for (const auto& counter : metrics.rules[0].skipped) ends += registry.value(counter);
    for (const auto& counter : metrics.rules[0].dropped) ends += registry.value(counter);
    REQUIRE(operations() ==
            ends + static_cast<std::uint64_t>(registry.value(metrics.rules[0].in_flight)));
  }

  std::variant<RuleSet, std::vector<ConfigProblem>> compiled;
  RuleSet& rules;
  metrics::Registry registry;
  ShadowMetrics metrics;
  metrics::Shard* shard = nullptr;
  HeldIntake intake;
  RuleState state = RuleState::ready;
  std::unique_ptr<WorkerTap> tap;
  std::unique_ptr<protocol::ConversationListener> listener;
  std::unique_ptr<protocol::Conversation> conversation;
  std::uint64_t now = 1;
};

std::vector<RuleSource> one_rule(double sample = 1.0) {
  return {rule("r", "SELECT id FROM users WHERE id = :id LIMIT 1",
               "select id from users where id = :id limit 1", sample)};
}
const std::string kSql = "SELECT id FROM users WHERE id = $1 LIMIT $2";

}  // namespace

TEST_CASE(
    "a matched operation of the extended protocol is offered with its values, after its answer") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("", kSql) + bind("", {"u1", "1"}) + test::fe::execute() +
                 test::fe::sync());
  REQUIRE(fixture.intake.operations.empty());
  fixture.server(kBound + command_complete("SELECT 1") + ready('I'));
  REQUIRE(fixture.intake.operations.size() == 1);
  const auto& operation = fixture.intake.operations[0];
  REQUIRE(operation.rule->name == "r");
  REQUIRE(operation.legacy.sql == kSql);
  REQUIRE(operation.legacy.parameters.size() == 2);
  REQUIRE(operation.values.at("id").members[0].bytes == "u1");
  REQUIRE(operation.live.sqlstate.empty());
  REQUIRE(operation.context->settings.at(0) == std::pair<std::string, std::string>("timezone", "UTC"));
  REQUIRE(fixture.operations() == 1);
  fixture.check_law();
}

TEST_CASE("the simple protocol: literals are the values, and pins are checked") {
  Fixture fixture(one_rule());
  fixture.simple("select id from users where id = 'u''2' limit 1;", "SELECT 1");
  fixture.simple("SELECT id FROM users WHERE id = 'u2' LIMIT 5", "SELECT 1");
  REQUIRE(fixture.intake.operations.size() == 1);
  REQUIRE(fixture.intake.operations[0].values.at("id").members[0].bytes == "u'2");
  REQUIRE(fixture.skipped(SkipReason::pin) == 1);
  fixture.check_law();
}

TEST_CASE("a named statement that is bound many times is matched each time") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("s1", kSql) + test::fe::sync());
  fixture.server(test::be::parse_complete() + ready('I'));
  for (int i = 0; i < 5; ++i) {
    fixture.client(bind("s1", {"u" + std::to_string(i), i == 3 ? "2" : "1"}) + test::fe::execute() +
                   test::fe::sync());
    fixture.server(test::be::bind_complete() + command_complete("SELECT 1") + ready('I'));
  }
  REQUIRE(fixture.intake.operations.size() == 4);
  REQUIRE(fixture.skipped(SkipReason::pin) == 1);
  REQUIRE(fixture.operations() == 5);
  fixture.check_law();
}

TEST_CASE("what a session did ends its comparisons, with the reason") {
  const auto run = [](Fixture& fixture) {
    fixture.simple("SELECT id FROM users WHERE id = 'a' LIMIT 1", "SELECT 1");
  };
  Fixture fixture(one_rule());
  SECTION("another user") {
    fixture.open("bob", "shop");
    run(fixture);
    REQUIRE(fixture.skipped(SkipReason::context) == 1);
  }
  SECTION("another database") {
    fixture.open("app", "other");
    run(fixture);
    REQUIRE(fixture.skipped(SkipReason::other_database) == 1);
  }
  SECTION("SET") {
    fixture.simple("set timezone to 'Europe/Berlin'", "SET");
    run(fixture);
    REQUIRE(fixture.skipped(SkipReason::context) == 1);
  }
  SECTION("a transaction that has written, until it ends") {
    fixture.simple("begin", "BEGIN", 'T');
    fixture.simple("insert into users values ('a')", "INSERT 0 1", 'T');
    fixture.client(test::fe::query("SELECT id FROM users WHERE id = 'a' LIMIT 1"));
    fixture.server(command_complete("SELECT 1") + ready('T'));
    REQUIRE(fixture.skipped(SkipReason::txn_wrote) == 1);
    fixture.simple("commit", "COMMIT");
    run(fixture);
    REQUIRE(fixture.intake.operations.size() == 1);
  }
  SECTION("a write earlier in the same pipeline, without a Sync between") {
    fixture.client(test::fe::parse("", "insert into users values ('a')") + bind("", {}) +
                   test::fe::execute() + test::fe::parse("", kSql) + bind("", {"a", "1"}) +
                   test::fe::execute() + test::fe::sync());
    fixture.server(kBound + command_complete("INSERT 0 1") + kBound + command_complete("SELECT 1") +
                   ready('I'));
    REQUIRE(fixture.skipped(SkipReason::txn_wrote) == 1);
  }
  SECTION("a rule that is not verified, or broken") {
    fixture.state = RuleState::unverified;
    run(fixture);
    fixture.state = RuleState::broken;
    run(fixture);
    REQUIRE(fixture.skipped(SkipReason::unverified) == 1);
    REQUIRE(fixture.skipped(SkipReason::broken) == 1);
  }
  SECTION("a failed transaction block") {
    fixture.simple("begin", "BEGIN", 'T');
    fixture.client(test::fe::query("SELECT id FROM users WHERE id = 'a' LIMIT 1"));
    fixture.server(error("25P02") + ready('E'));
    REQUIRE(fixture.skipped(SkipReason::context) == 1);
  }
  fixture.check_law();
}

TEST_CASE("an error of the client's statement travels with the operation") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("", kSql) + bind("", {"u1", "1"}) + test::fe::execute() +
                 test::fe::sync());
  fixture.server(kBound + error("22012") + ready('I'));
  REQUIRE(fixture.intake.operations.size() == 1);
  REQUIRE(fixture.intake.operations[0].live.sqlstate == "22012");
  fixture.client(test::fe::parse("", kSql) + bind("", {"u1", "1"}) + test::fe::execute() +
                 test::fe::sync());
  fixture.server(error("57014") + ready('I'));
  REQUIRE(fixture.skipped(SkipReason::server) == 1);
  fixture.check_law();
}

TEST_CASE(
    "DEALLOCATE of one statement leaves the others known; of what cannot be told, none is "
    "certain") {
  Fixture fixture(one_rule());
  const auto prepare = [&](const std::string& name) {
    fixture.client(test::fe::parse(name, kSql) + test::fe::sync());
    fixture.server(test::be::parse_complete() + ready('I'));
  };
  const auto run = [&](const std::string& name) {
    fixture.client(bind(name, {"u1", "1"}) + test::fe::execute() + test::fe::sync());
    fixture.server(test::be::bind_complete() + command_complete("SELECT 1") + ready('I'));
  };
  prepare("a");
  prepare("B");
  fixture.simple("DEALLOCATE a", "DEALLOCATE");
  run("B");
  REQUIRE(fixture.intake.operations.size() == 1);
  prepare("a");
  fixture.simple("deallocate prepare \"B\"", "DEALLOCATE");
  run("a");
  REQUIRE(fixture.intake.operations.size() == 2);
  fixture.simple("deallocate all", "DEALLOCATE ALL");
  run("a");  // the server would refuse it; an answer all the same means that something unknown has
             // run
  REQUIRE(fixture.intake.operations.size() == 2);
  prepare("c");
  run("c");
  REQUIRE(fixture.skipped(SkipReason::context) == 1);
  fixture.check_law();
}

TEST_CASE("binary parameters whose type was left to the server are not compared") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("", kSql) + test::fe::bind("", "", {"u1", "1"}, {1, 0}) +
                 test::fe::execute() + test::fe::sync());
  fixture.server(kBound + command_complete("SELECT 1") + ready('I'));
  REQUIRE(fixture.skipped(SkipReason::context) == 1);
  fixture.client(test::fe::parse("", kSql, {25}) + test::fe::bind("", "", {"u1", "1"}, {1, 0}) +
                 test::fe::execute() + test::fe::sync());
  fixture.server(kBound + command_complete("SELECT 1") + ready('I'));
  REQUIRE(fixture.intake.operations.size() == 1);
  fixture.check_law();
}

TEST_CASE("a refused offer is a drop with its reason, and nothing is in flight") {
  Fixture fixture(one_rule());
  fixture.intake.refuse = DropReason::queue_bytes;
  fixture.simple("SELECT id FROM users WHERE id = 'a' LIMIT 1", "SELECT 1");
  REQUIRE(
      fixture.registry.value(
          fixture.metrics.rules[0].dropped[static_cast<std::size_t>(DropReason::queue_bytes)]) ==
      1);
  REQUIRE(fixture.registry.value(fixture.metrics.rules[0].in_flight) == 0);
  fixture.check_law();
}

TEST_CASE("sampling takes about its share, and the rest is counted") {
  Fixture fixture(one_rule(0.25));
  for (int i = 0; i < 4000; ++i)
    fixture.simple("SELECT id FROM users WHERE id = 'a' LIMIT 1", "SELECT 1");
  REQUIRE(fixture.intake.operations.size() > 800);
  REQUIRE(fixture.intake.operations.size() < 1200);
  REQUIRE(fixture.skipped(SkipReason::sampled_out) == 4000 - fixture.intake.operations.size());
  fixture.check_law();
}

TEST_CASE("a parameter too large to keep is counted, not compared") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("", kSql) + bind("", {std::string(2'000'000, 'x'), "1"}) +
                 test::fe::execute() + test::fe::sync());
  fixture.server(kBound + command_complete("SELECT 1") + ready('I'));
  REQUIRE(fixture.skipped(SkipReason::too_large) == 1);
  fixture.check_law();
}

TEST_CASE("--dev hears of each statement that no rule covers, once, and never of writes") {
  Fixture fixture(one_rule(), true);
  for (int i = 0; i < 3; ++i)
    fixture.simple("select name from users where id = 'x" + std::to_string(i) + "'", "SELECT 1");
  fixture.simple("insert into users values ('a')", "INSERT 0 1");
  REQUIRE(fixture.intake.uncovered.size() == 1);
  REQUIRE(fixture.intake.uncovered[0].skeleton.find("legacy:") != std::string::npos);
  REQUIRE(fixture.intake.uncovered[0].skeleton.find("x0") == std::string::npos);
  const auto& metrics = fixture.metrics.statements;
  REQUIRE(fixture.registry.value(metrics[0][0]) == 4);
  REQUIRE(fixture.registry.value(metrics[0][1]) == 0);
}

TEST_CASE("more texts than the cache holds: all are still recognised") {
  Fixture fixture(one_rule());
  for (int i = 0; i < 20'000; ++i) {
    fixture.simple("SELECT id FROM users WHERE id = 'k" + std::to_string(i) + "' LIMIT 1",
                   "SELECT 1");
  }
  REQUIRE(fixture.intake.operations.size() == 20'000);
  fixture.check_law();
}

}  // namespace parallax::shadow
