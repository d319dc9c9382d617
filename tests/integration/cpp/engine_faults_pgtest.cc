// The shadow server slow, locked, full, dead or absent: operations end with the reason, and all
// goes on by itself.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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

const std::vector<RuleText> kHeld = {{"held", "SELECT id, name FROM held WHERE id = :id",
                                      "select id, name from held where held.id = :id"}};
const EngineRig::Call kHeldCall{"SELECT id, name FROM held WHERE id = $1", {text("1")}};

// Until an operation ends in this way.
bool comes_to(EngineRig& rig, const EngineRig::Call& call, const std::string& end,
              std::chrono::seconds limit = 60s) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < until) {
    if (end_of(rig.run(call)) == end) return true;
    std::this_thread::sleep_for(50ms);
  }
  return false;
}

}  // namespace

TEST_CASE("a lock or a long statement is a timeout") {
  auto options = options_on(shared_server());
  options.statement_timeout = 200ms;
  EngineRig rig(options, {kHeld[0],
                          {"long", "SELECT count(*) FROM generate_series(1, :n::int8) a",
                           "select count(*) from generate_series(1, :n::int8) b"}});
  REQUIRE(rig.wait_verified());
  CHECK(end_of(rig.run(kHeldCall)) == "match");
  {
    Session holder(shared_server());
    holder.run("begin; lock table held in access exclusive mode");
    for (int i = 0; i < 2; ++i) CHECK(end_of(rig.run(kHeldCall)) == "timeout");
  }
  CHECK(comes_to(rig, kHeldCall, "match"));
  const std::string sql = "SELECT count(*) FROM generate_series(1, $1::int8) a";
  for (int i = 0; i < 2; ++i) CHECK(end_of(rig.run({sql, {text("1000000000")}})) == "timeout");
  CHECK(end_of(rig.run({sql, {text("10")}})) == "match");
  CHECK(rig.report().pool_errors.empty());
  CHECK(rig.law_holds());
}

TEST_CASE(
    "missing rights break a rule until they are granted, and are never blamed on the rewrite") {
  EngineRig rig(
      options_on(shared_server()),
      {{"secret", "SELECT name FROM locked_away WHERE id = :id",
        "select name from locked_away where id = :id"},
       {"half", "SELECT id, name FROM items WHERE id = :id",
        "select id, name from items where id = :id and not exists (select from locked_away)"}});
  REQUIRE(rig.wait_verified());
  const EngineRig::Call secret{"SELECT name FROM locked_away WHERE id = $1", {text("1")}};
  const EngineRig::Call half{"SELECT id, name FROM items WHERE id = $1", {text("1")}};
  CHECK(end_of(rig.run(secret)) == "skipped broken");
  CHECK(end_of(rig.run(half)) == "skipped broken");
  {
    const std::lock_guard lock(rig.report().mutex);
    CHECK(rig.report().reasons["half"] ==
          "the shadow's role may not read locked_away: GRANT SELECT ON locked_away TO tester");
  }
  Session admin(shared_server());
  admin.run("grant select on locked_away to tester");
  CHECK(comes_to(rig, secret, "match"));
  CHECK(comes_to(rig, half, "match"));
  // Lost again, it is the replay that tells.
  admin.run("revoke select on locked_away from tester");
  for (int i = 0; i < 2; ++i) {
    CHECK(end_of(rig.run(secret)) == "skipped rights");
    CHECK(end_of(rig.run(half)) == "skipped rights");
  }
  CHECK(rig.law_holds());
}

TEST_CASE("rules wait for a server that comes up later, and survive its restart") {
  PgServer server;
  EngineRig rig(options_on(server), kHeld);
  CHECK(end_of(rig.run(kHeldCall)) == "skipped unverified");
  REQUIRE(rig.report().wait(
      [](const RememberingReport& report) { return !report.pool_errors.empty(); }));
  CHECK(rig.report().pool_errors[0].empty());
  CHECK(rig.state(0) == RuleState::unverified);
  server.start();
  make_schema(server);
  REQUIRE(comes_to(rig, kHeldCall, "match"));
  CHECK(rig.state(0) == RuleState::ready);

  const auto errors = rig.report().pool_errors.size();
  server.stop();
  CHECK(end_of(rig.run(kHeldCall)) == "skipped server");
  CHECK(end_of(rig.run(kHeldCall)) == "skipped server");
  CHECK(rig.state(0) == RuleState::ready);
  // The loss of an idle connection was silent, and the second operation made no attempt of its own.
  CHECK(rig.report().pool_errors.size() == errors + 1);
  server.start();
  CHECK(comes_to(rig, kHeldCall, "match"));
  CHECK(rig.law_holds());
}

TEST_CASE("a connection that dies under a replay is skipped, and the next one is compared") {
  auto options = options_on(shared_server());
  options.lock_timeout = 10s;
  options.statement_timeout = 10s;
  EngineRig rig(options, kHeld);
  REQUIRE(rig.wait_verified());
  Session holder(shared_server());
  holder.run("begin; lock table held in access exclusive mode");
  REQUIRE(rig.offer(kHeldCall));
  Session killer(shared_server());
  for (int i = 0; i < 200; ++i) {
    if (killer.run("select count(pg_terminate_backend(pid)) from pg_stat_activity where "
                   "application_name = "
                   "'parallax-shadow' and wait_event_type = 'Lock'") == "1") {
      break;
    }
    std::this_thread::sleep_for(20ms);
  }
  CHECK(end_of(rig.wait_outcomes(1).back()) == "skipped server");
  holder.run("rollback");
  CHECK(end_of(rig.run(kHeldCall)) == "match");
  CHECK(rig.law_holds());
}

TEST_CASE("a wrong password is not tried over and over") {
  auto options = options_on(shared_server(), "secretive");
  options.conninfo["host"] = "localhost";
  options.conninfo["password"] = "wrong";
  EngineRig rig(options, kHeld);
  REQUIRE(rig.report().wait(
      [](const RememberingReport& report) { return !report.pool_errors.empty(); }));
  std::this_thread::sleep_for(3500ms);  // the verifier asks again after 1 s and 2 s
  CHECK(rig.report().pool_errors == std::vector<std::string>{"28P01"});
  CHECK(rig.report().pool_texts[0].find("wrong") == std::string::npos);
  CHECK(end_of(rig.run(kHeldCall)) == "skipped unverified");

  options.conninfo["password"] = "right";
  EngineRig good(options, kHeld);
  REQUIRE(good.wait_verified());
  CHECK(end_of(good.run(kHeldCall)) == "match");
  options.conninfo["dbname"] = "no_such_database";
  EngineRig lost(options, kHeld);
  REQUIRE(lost.report().wait(
      [](const RememberingReport& report) { return !report.pool_errors.empty(); }));
  CHECK(lost.report().pool_errors[0] == "3D000");
}

TEST_CASE("too many connections is a reason of its own") {
  auto options = options_on(shared_server(), "few");
  options.idle_timeout = 100ms;
  options.pool_max = 3;
  EngineRig rig(options, kHeld);
  REQUIRE(rig.wait_verified());
  // One connection is enough for many operations, one after the other.
  for (int i = 0; i < 20; ++i) CHECK(end_of(rig.run(kHeldCall)) == "match");
  for (int i = 0; i < 100 && rig.engine().connections().idle > 0; ++i)
    std::this_thread::sleep_for(20ms);
  CHECK(rig.engine().connections().idle == 0);
  {
    // The server may not have freed the place yet.
    std::optional<Session> taken;
    for (int i = 0; i < 250 && !taken; ++i) {
      try {
        taken.emplace(shared_server(), "few");
      } catch (const std::exception&) {
        std::this_thread::sleep_for(20ms);
      }
    }
    REQUIRE(taken);
    // The back-off of the refusals above may still hold; then they are the reason.
    CHECK(end_of(rig.run(kHeldCall)) == "skipped too_many_connections");
  }
  CHECK(comes_to(rig, kHeldCall, "match"));
  CHECK(rig.law_holds());
}

TEST_CASE("a server that accepts and never answers is given up") {
  const int listening = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  REQUIRE(bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(listen(listening, 16) == 0);
  getsockname(listening, reinterpret_cast<sockaddr*>(&address), &length);
  Options options;
  options.conninfo = {{"host", "127.0.0.1"},
                      {"port", std::to_string(ntohs(address.sin_port))},
                      {"user", "tester"},
                      {"dbname", "postgres"}};
  options.connect_timeout = 200ms;
  {
    EngineRig rig(options, kHeld);
    REQUIRE(rig.report().wait(
        [](const RememberingReport& report) { return !report.pool_errors.empty(); }));
    CHECK(rig.report().pool_texts[0] == "no answer within 200 ms");
    CHECK(end_of(rig.run(kHeldCall)) == "skipped unverified");
    CHECK(rig.law_holds());
  }
  options.connect_timeout = 60s;
  EngineRig waiting(options, kHeld);  // ends at once all the same
  std::this_thread::sleep_for(100ms);
  const auto began = std::chrono::steady_clock::now();
  waiting.engine().stop(0ms);
  CHECK(std::chrono::steady_clock::now() - began < 1s);
  CHECK(waiting.engine().connections().connecting == 0);
  close(listening);
}

TEST_CASE("stop drops what waits, and what runs at the deadline") {
  auto options = options_on(shared_server());
  options.pool_max = 1;
  options.lock_timeout = 10s;
  options.statement_timeout = 10s;
  EngineRig rig(options, kHeld);
  REQUIRE(rig.wait_verified());
  Session holder(shared_server());
  holder.run("begin; lock table held in access exclusive mode");
  for (int i = 0; i < 10; ++i) REQUIRE(rig.offer(kHeldCall));
  for (int i = 0; i < 200 && rig.engine().queued_jobs() != 9; ++i)
    std::this_thread::sleep_for(10ms);
  CHECK(rig.engine().queued_jobs() == 9);
  CHECK(rig.engine().connections().busy == 1);
  rig.engine().stop(200ms);
  const auto outcomes = rig.wait_outcomes(10);
  CHECK(outcomes.size() == 10);
  for (const auto& outcome : outcomes) CHECK(end_of(outcome) == "dropped drain");
  CHECK(rig.engine().connections().busy == 0);
  CHECK(rig.law_holds());
}

TEST_CASE("stop lets a running operation end within the deadline") {
  auto options = options_on(shared_server());
  options.pool_max = 1;
  options.lock_timeout = 10s;
  options.statement_timeout = 10s;
  EngineRig rig(options, kHeld);
  REQUIRE(rig.wait_verified());
  Session holder(shared_server());
  holder.run("begin; lock table held in access exclusive mode");
  for (int i = 0; i < 3; ++i) REQUIRE(rig.offer(kHeldCall));
  for (int i = 0; i < 200 && rig.engine().queued_jobs() != 2; ++i)
    std::this_thread::sleep_for(10ms);
  std::thread release([&holder] {
    std::this_thread::sleep_for(200ms);
    holder.run("rollback");
  });
  rig.engine().stop(10s);
  release.join();
  CHECK(rig.verdicts(0, Verdict::match) == 1);
  CHECK(rig.wait_outcomes(3).size() == 3);
  CHECK(rig.law_holds());
}

TEST_CASE("a full queue refuses at once, by jobs or by bytes") {
  auto options = options_on(shared_server());
  options.pool_max = 1;
  options.lock_timeout = 10s;
  options.statement_timeout = 10s;
  options.queue_jobs = 3;
  EngineRig rig(options, kHeld);
  options.queue_jobs = 1024;
  options.queue_bytes = 5000;
  EngineRig small(options, kHeld);
  REQUIRE(rig.wait_verified());
  REQUIRE(small.wait_verified());
  Session holder(shared_server());
  holder.run("begin; lock table held in access exclusive mode");
  for (auto* each : {&rig, &small}) {
    int refused = 0;
    for (int i = 0; i < 100; ++i) refused += each->offer(kHeldCall) ? 0 : 1;
    CHECK(refused > 50);
  }
  const auto drops = [](EngineRig& each, DropReason reason) {
    return each.count(each.metrics().rules[0].dropped[static_cast<std::size_t>(reason)]);
  };
  CHECK(drops(rig, DropReason::queue_jobs) > 50);
  CHECK(drops(small, DropReason::queue_bytes) > 50);
  holder.run("rollback");
  for (auto* each : {&rig, &small}) {
    const auto taken = each->count(each->metrics().rules[0].operations) -
                       drops(*each, DropReason::queue_jobs) - drops(*each, DropReason::queue_bytes);
    each->wait_outcomes(taken);
    CHECK(each->verdicts(0, Verdict::match) == taken);
    CHECK(each->law_holds());
  }
}
