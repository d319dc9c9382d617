// What the shadow side leaves on the server, and what it makes of rows that change meanwhile.

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/integration/cpp/database.h"
#include "tests/integration/cpp/engine_rig.h"

using namespace parallax;
using namespace parallax::pgtest;
using namespace parallax::shadow;
using namespace std::chrono_literals;

TEST_CASE("replays leave no trace but BEGIN, SELECT and ROLLBACK") {
  PgServer server;
  server.start();
  make_schema(server);
  Session session(server);
  const auto xid = [&session] {
    return session.run("select pg_snapshot_xmax(pg_current_snapshot())");
  };
  const auto before = xid();
  {
    EngineRig rig(options_on(server), {{"one", "SELECT id, name FROM items WHERE id = :id",
                                        "select id, name from items where items.id = :id"},
                                       {"fails", "SELECT big FROM items WHERE id = :id",
                                        "select big / (id - id) from items where id = :id"},
                                       {"broken", "SELECT a FROM nowhere WHERE id = :id",
                                        "select a from nowhere where id = :id"}});
    REQUIRE(rig.wait_verified());
    for (int i = 0; i < 100; ++i) {
      REQUIRE(rig.offer({"SELECT id, name FROM items WHERE id = $1", {text(std::to_string(i))}}));
      REQUIRE(rig.offer({"SELECT big FROM items WHERE id = $1", {text("3")}}));
    }
    rig.wait_outcomes(200);
    CHECK(rig.verdicts(0, Verdict::match) == 100);
    CHECK(rig.verdicts(1, Verdict::rewrite_error) == 100);
    CHECK(rig.law_holds());
    CHECK(session.run("select count(*) from pg_stat_activity where application_name = "
                      "'parallax-shadow' and state <> "
                      "'idle'") == "0");
    CHECK(session.run("select count(*) from pg_locks l join pg_stat_activity a using (pid) where "
                      "a.application_name = "
                      "'parallax-shadow'") == "0");
  }
  CHECK(xid() == before);
  // The engine has closed them; the server notices a little later.
  const std::string sessions =
      "select count(*) from pg_stat_activity where application_name = 'parallax-shadow'";
  for (int i = 0; i < 100 && session.run(sessions) != "0"; ++i) std::this_thread::sleep_for(20ms);
  CHECK(session.run(sessions) == "0");
  std::size_t begins = 0;
  std::size_t ends = 0;
  for (const auto& line : server.log_of("parallax-shadow")) {
    const auto at = line.find("execute <unnamed>: ");
    if (!line.starts_with("LOG:") || at == std::string::npos) {
      // Nothing came by the simple protocol; what is left are errors of prepared or executed
      // SELECTs.
      CHECK(line.find("LOG:  statement: ") == std::string::npos);
      continue;
    }
    const auto sql = line.substr(at + 19);
    const bool allowed = sql == "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" ||
                         sql == "ROLLBACK" || sql.starts_with("SELECT ") ||
                         sql.starts_with("select ") || sql.starts_with("WITH RECURSIVE ");
    CHECK(allowed);
    begins += sql.starts_with("BEGIN") ? 1u : 0u;
    ends += sql == "ROLLBACK" ? 1u : 0u;
  }
  CHECK(begins >= 203);
  CHECK(ends == begins);
}

TEST_CASE("a right rewrite never mismatches while the rows change") {
  Session admin(shared_server());
  admin.run(
      "drop table if exists busy; create table busy (id int primary key, owner int not null, n "
      "int8 not null); "
      "insert into busy select i, i % 10, i from generate_series(1, 100) i; grant select on busy "
      "to tester");
  std::atomic<bool> done{false};
  std::vector<std::thread> writers;
  std::atomic<int> writes{0};
  for (int w = 0; w < 2; ++w) {
    writers.emplace_back([&done, &writes, w] {
      Session session(shared_server());
      for (int i = 0; !done; ++i, ++writes) {
        const auto id =
            std::to_string(1 + w + 2 * (i * 7 % 50));  // each writer has rows of its own
        session.run("update busy set n = n + 1, owner = (owner + 1) % 10 where id = " + id);
        if (i % 3 == 0) {
          session.run("delete from busy where id = " + id + "; insert into busy values (" + id +
                      ", 3, 1)");
        }
      }
    });
  }
  {
    EngineRig rig(
        options_on(shared_server()),
        {{"sum",
          "SELECT owner, sum(n) AS total FROM busy WHERE owner = :o GROUP BY owner ORDER BY owner",
          "select b.owner, (select sum(c.n) from busy c where c.owner = :o) as total from busy b "
          "where b.owner = :o group by b.owner order by b.owner"},
         {"rows", "SELECT id, owner, n FROM busy WHERE owner = :o",
          "select b.id, b.owner, b.n from busy b where b.owner in (:o) order by n"}});
    REQUIRE(rig.wait_verified());
    REQUIRE(rig.state(0) == RuleState::ready);
    constexpr std::size_t kOperations = 4000;
    for (std::size_t i = 0; i < kOperations / 2; ++i) {
      const std::vector<Value> owner{text(std::to_string(i % 10))};
      while (rig.engine().queued_jobs() > 500) std::this_thread::sleep_for(1ms);
      REQUIRE(rig.offer(
          {"SELECT owner, sum(n) AS total FROM busy WHERE owner = $1 GROUP BY owner ORDER BY owner",
           owner}));
      REQUIRE(rig.offer({"SELECT id, owner, n FROM busy WHERE owner = $1", owner}));
    }
    rig.wait_outcomes(kOperations);
    CHECK(rig.verdicts(0, Verdict::match) == kOperations / 2);
    CHECK(rig.verdicts(1, Verdict::match) == kOperations / 2);
    CHECK(rig.law_holds());
  }
  done = true;
  for (auto& writer : writers) writer.join();
  CHECK(writes > 100);
}
