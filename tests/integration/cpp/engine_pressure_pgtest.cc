// The shadow side under pressure: it stops by itself, takes no more connections than it may, and
// gives them back when the server has none left.

#include <signal.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <exception>
#include <optional>
#include <thread>

#include "tests/integration/cpp/database.h"
#include "tests/integration/cpp/engine_rig.h"

using namespace parallax;
using namespace parallax::pgtest;
using namespace parallax::shadow;
using namespace std::chrono_literals;

namespace {

const std::vector<RuleText> kRules = {{"held", "SELECT id, name FROM held WHERE id = :id",
                                       "select id, name from held where held.id = :id"},
                                      {"items", "SELECT id, name FROM items WHERE id = :id",
                                       "select id, name from items where items.id = :id"}};
const EngineRig::Call kHeldCall{"SELECT id, name FROM held WHERE id = $1", {text("1")}};
const EngineRig::Call kItemsCall{"SELECT id, name FROM items WHERE id = $1", {text("1")}};

bool eventually(const std::function<bool()>& done, std::chrono::seconds limit = 60s) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < until) {
    if (done()) return true;
    std::this_thread::sleep_for(20ms);
  }
  return false;
}

std::string connections_of(Session& session) {
  return session.run(
      "select count(*) from pg_stat_activity where application_name = 'parallax-shadow'");
}

}  // namespace

TEST_CASE("a table that stays locked is left alone after five timeouts, and compared again later") {
  EngineRig rig(options_on(shared_server()), kRules);
  REQUIRE(rig.wait_verified());
  {
    Session holder(shared_server());
    holder.run("begin; lock table held in access exclusive mode");
    for (int i = 0; i < 5; ++i) CHECK(end_of(rig.run(kHeldCall)) == "timeout");
    CHECK(rig.report().breakers == std::vector<std::string>{"held open"});
    Session watcher(shared_server());
    for (int i = 0; i < 5; ++i) CHECK(end_of(rig.run(kHeldCall)) == "skipped breaker");
    CHECK(watcher.run("select count(*) from pg_stat_activity where application_name = "
                      "'parallax-shadow' and query like '%from held%' and state <> 'idle'") == "0");
    CHECK(end_of(rig.run(kItemsCall)) == "match");  // another rule
    // One tries after the pause, and the others wait again.
    REQUIRE(eventually([&] { return end_of(rig.run(kHeldCall)) == "timeout"; }));
    CHECK(end_of(rig.run(kHeldCall)) == "skipped breaker");
  }
  CHECK(eventually([&] { return end_of(rig.run(kHeldCall)) == "match"; }));
  CHECK(end_of(rig.run(kHeldCall)) == "match");
  CHECK(rig.report().breakers == std::vector<std::string>{"held open", "held closed"});
  CHECK(rig.law_holds());
}

TEST_CASE("rewrites that fail or differ are found each time") {
  EngineRig rig(options_on(shared_server()),
                {{"fails", "SELECT id, name FROM items WHERE id = :id",
                  "select id, name from no_such_table where id = :id"},
                 {"differs", "SELECT id, name FROM held WHERE id = :id",
                  "select id, name from held where false and id = :id"}});
  REQUIRE(rig.wait_verified());
  Session(shared_server()).run("insert into held values (77, 'row')");
  for (int i = 0; i < 30; ++i) {
    CHECK(end_of(rig.run(kItemsCall)) == "rewrite_error");
    CHECK(end_of(rig.run({kHeldCall.sql, {text("77")}})) == "mismatch missing_row");
  }
  Session(shared_server()).run("delete from held where id = 77");
  CHECK(rig.report().breakers.empty());
}

TEST_CASE("a server without a connection left gets the shadow's back") {
  auto options = options_on(shared_server(), "several");
  options.lock_timeout = 10s;
  options.statement_timeout = 10s;
  EngineRig rig(options, kRules);
  REQUIRE(rig.wait_verified());
  {
    Session application(shared_server(), "several");
    Session holder(shared_server());
    holder.run("begin; lock table held in access exclusive mode");
    REQUIRE(rig.offer(kHeldCall));  // on the one connection that the role has left
    REQUIRE(eventually([&] { return rig.engine().connections().busy == 1; }));
    CHECK(end_of(rig.run(kItemsCall)) == "skipped too_many_connections");
    // Also those that could have waited for the other: it goes when it is done.
    CHECK(end_of(rig.run(kItemsCall)) == "skipped too_many_connections");
    holder.run("rollback");
    CHECK(end_of(rig.wait_outcomes(3).back()) == "match");
    REQUIRE(eventually([&] {
      const auto left = rig.engine().connections();
      return left.busy + left.idle + left.connecting == 0;
    }));
    Session watcher(shared_server());
    REQUIRE(eventually([&] { return connections_of(watcher) == "0"; }, 1s));
    // The server's view of them empties a moment before their places are free.
    std::optional<Session> another;
    REQUIRE(eventually(
        [&] {
          try {
            another.emplace(shared_server(), "several");  // throws when it is refused
          } catch (const std::exception&) {
            return false;
          }
          return true;
        },
        1s));
    CHECK(end_of(rig.run(kItemsCall)) == "skipped too_many_connections");
    CHECK(rig.report().pool_errors == std::vector<std::string>{"53300"});
  }
  CHECK(eventually([&] { return end_of(rig.run(kItemsCall)) == "match"; }));
  // With one connection at first: two operations at once are no reason for a second.
  const auto before = rig.report().outcomes.size();
  for (int i = 0; i < 20; ++i) REQUIRE(rig.offer(kItemsCall));
  rig.wait_outcomes(before + 20);
  CHECK(rig.engine().connections().idle + rig.engine().connections().busy == 1);
  CHECK(rig.report().pool_errors.size() == 1);
  CHECK(eventually([&] { return rig.law_holds(); }, 5s));
}

TEST_CASE("never more connections than the pool may have, however they come and go") {
  auto options = options_on(shared_server());
  options.pool_max = 3;
  options.idle_timeout = 2ms;
  EngineRig rig(options, kRules);
  REQUIRE(rig.wait_verified());
  std::atomic<bool> end{false};
  std::atomic<int> most{0};
  std::thread sampler([&] {
    Session session(shared_server());
    while (!end) most = std::max(most.load(), std::stoi(connections_of(session)));
  });
  std::thread killer([&] {
    Session session(shared_server());
    while (!end) {
      session.run(
          "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = "
          "'parallax-shadow'");
      std::this_thread::sleep_for(500ms);
    }
  });
  const auto until = std::chrono::steady_clock::now() + 5s;
  std::size_t offered = 0;
  while (std::chrono::steady_clock::now() < until) {
    for (int i = 0; i < 8; ++i) offered += rig.offer(kItemsCall) ? 1U : 0U;
    std::this_thread::sleep_for(5ms);
  }
  end = true;
  sampler.join();
  killer.join();
  CHECK(most <= 3);
  CHECK(most >= 2);  // it was under load
  CHECK(rig.wait_outcomes(offered).size() == offered);
  CHECK(eventually([&] { return end_of(rig.run(kItemsCall)) == "match"; }));
  CHECK(rig.law_holds());
}

TEST_CASE("the place of a connection that was idle is free as soon as the server has let go") {
  auto options = options_on(shared_server());
  options.pool_max = 1;
  options.idle_timeout = 1ms;
  EngineRig rig(options, kRules);
  REQUIRE(rig.wait_verified());
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) {
    CHECK(end_of(rig.run(kItemsCall)) == "match");
    CHECK(eventually([&] { return rig.engine().connections().idle == 0; }));
  }
  CHECK(std::chrono::steady_clock::now() - began < options.connect_timeout / 2);
}

TEST_CASE("a connection that is given up in the middle of a statement still counts for a while") {
  auto options = options_on(shared_server());
  options.pool_max = 1;
  options.statement_timeout = 1s;
  EngineRig rig(options, kRules);
  REQUIRE(rig.wait_verified());
  CHECK(end_of(rig.run(kItemsCall)) == "match");
  Session watcher(shared_server());
  const pid_t backend = std::stoi(
      watcher.run("select pid from pg_stat_activity where application_name = 'parallax-shadow'"));
  REQUIRE(kill(backend, SIGSTOP) == 0);  // keeps no time limit of its own
  CHECK(end_of(rig.run(kItemsCall)) == "skipped server");
  const auto began = std::chrono::steady_clock::now();
  CHECK(end_of(rig.run(kItemsCall)) == "match");
  CHECK(std::chrono::steady_clock::now() - began > 800ms);
  REQUIRE(kill(backend, SIGCONT) == 0);
  CHECK(eventually([&] { return connections_of(watcher) == "1"; }));
  CHECK(end_of(rig.run(kItemsCall)) == "match");
  CHECK(rig.law_holds());
}

TEST_CASE("results that need their rows and have too many are no way to spend the server's time") {
  auto options = options_on(shared_server());
  options.capture_bytes = 10'000;
  RuleText large{"large", "SELECT repeat('x', 1000) AS s FROM generate_series(1, :n::int) n",
                 "select repeat('x', 1000) as s from generate_series(1, :n::int) m"};
  large.compare.float_tolerance = 1e-9;
  EngineRig rig(options, {large, kRules[1]});
  REQUIRE(rig.wait_verified());
  const EngineRig::Call call{"SELECT repeat('x', 1000) AS s FROM generate_series(1, $1::int) n",
                             {text("1000")}};
  for (int i = 0; i < 5; ++i) CHECK(end_of(rig.run(call)) == "skipped too_large");
  CHECK(end_of(rig.run(call)) == "skipped breaker");
  CHECK(end_of(rig.run(kItemsCall)) == "match");
  CHECK(eventually([&] { return end_of(rig.run({call.sql, {text("1")}})) == "match"; }));
  CHECK(rig.law_holds());
}
