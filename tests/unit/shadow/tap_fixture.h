#pragma once

// A session's bytes in, operations out: the tap behind a real conversation, with the engine's door
// held by the test.

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/conversation.h"
#include "shadow/tap.h"
#include "tests/support/wire.h"

namespace parallax::shadow::tests {

using test::be::command_complete;
using test::be::error;
using test::be::ready;

inline const std::string kBound = test::be::parse_complete() + test::be::bind_complete();

inline std::string bind(const std::string& statement, const test::Values& parameters) {
  return test::fe::bind("", statement, parameters);
}

inline RuleSource rule(const std::string& name, const std::string& legacy,
                       const std::string& rewrite, double sample = 1.0) {
  RuleSource source;
  source.name = {name, {"rules.yaml", 1, 1, false}};
  source.legacy.front().sql = {legacy, {"rules.yaml", 2, 1, false}};
  source.rewrite.front().sql = {rewrite, {"rules.yaml", 3, 1, false}};
  source.sample = sample;
  return source;
}

struct HeldIntake final : Intake {
  std::optional<DropReason> offer(Captured&& captured) noexcept override {
    if (refuse) return refuse;
    if (auto* operation = std::get_if<CapturedOperation>(&captured))
      operations.push_back(std::move(*operation));
    if (auto* statement = std::get_if<CapturedStatement>(&captured))
      statements.push_back(std::move(*statement));
    if (auto* statement = std::get_if<UncoveredStatement>(&captured))
      uncovered.push_back(std::move(*statement));
    return std::nullopt;
  }
  void lived(const LiveSample& sample) noexcept override { samples.push_back(sample); }
  std::optional<DropReason> refuse;
  std::vector<LiveSample> samples;
  std::vector<CapturedOperation> operations;
  std::vector<CapturedStatement> statements;
  std::vector<UncoveredStatement> uncovered;
};

struct Fixture {
  explicit Fixture(std::vector<RuleSource> sources, bool dev = false, bool live = true)
      : compiled(RuleSet::compile(std::move(sources))),
        rules(std::get<RuleSet>(compiled)),
        metrics(registry, rules) {
    shard = &registry.make_shard();
    tap = std::make_unique<WorkerTap>(
        rules, metrics, *shard, intake, [this](const Rule&) { return state; },
        TapOptions{.user = "app", .database = "shop", .dev = dev, .live = live, .seed = 7});
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

inline std::vector<RuleSource> one_rule(double sample = 1.0) {
  return {rule("r", "SELECT id FROM users WHERE id = :id LIMIT 1",
               "select id from users where id = :id limit 1", sample)};
}
inline const std::string kSql = "SELECT id FROM users WHERE id = $1 LIMIT $2";

}  // namespace parallax::shadow::tests
