// The layers that keep a replay from changing anything, each alone: what the transaction and the
// protocol stop by themselves when it is fed to them past all checks, and that the checks refuse
// what these let through.

#include <catch2/catch.hpp>
#include <optional>

#include "shadow/replay/read_only_transaction.h"
#include "shadow/rules/select_check.h"
#include "tests/integration/cpp/database.h"

using namespace parallax;
using namespace parallax::pgtest;
using namespace parallax::shadow;

namespace {

PgServer& server_with_dblink() {
  static const auto server = [] {
    auto made = std::make_unique<PgServer>();
    made->start();
    Session(*made).run(
        "create extension dblink; create table t (a int); create sequence s; "
        "create function writes() returns int language sql as 'insert into t values (1) returning "
        "a'; create procedure commits() language plpgsql as 'begin commit; end'");
    return made;
  }();
  return *server;
}

// A connection of the superuser, which nothing but the transaction keeps from anything.
class Feeder {
 public:
  Feeder() : options_(options_on(server_with_dblink(), "postgres")) { connect(); }

  // SQLSTATE of the statement, empty when it went through; "gone" when there was no such answer and
  // the connection was closed.
  std::string feed(const std::string& sql) {
    if (!connection_->open()) connect();
    ReadOnlyTransaction transaction(loop_, options_);
    std::string state = "gone";
    transaction.run(*connection_, nullptr, {{TransactionStep::Kind::query, sql, {}}},
                    [&](TransactionEnd end) {
                      if (const auto* results = std::get_if<std::vector<StepResult>>(&end)) {
                        state = results->front().sqlstate;
                      }
                      loop_.stop();
                    });
    loop_.run();
    return state;
  }

  // Whatever came, the connection has no transaction, or is closed.
  bool harmless() const { return connection_->idle() || !connection_->open(); }

 private:
  void connect() {
    connection_.emplace(loop_, options_, names_);
    connection_->connect([this](const std::optional<ConnectionError>& error) {
      if (error) throw std::runtime_error(error->what);
      loop_.stop();
    });
    loop_.run();
  }

  io::Loop loop_;
  Options options_;
  io::NameLookup names_{loop_};
  std::optional<Connection> connection_;
};

bool refused_at_load(const std::string& sql) {
  return std::holds_alternative<std::vector<SqlProblem>>(check_select(sql));
}

}  // namespace

TEST_CASE("what the read-only transaction stops by itself") {
  Feeder feeder;
  const std::string read_only = "25006";
  for (const char* sql :
       {"INSERT INTO t VALUES (1)", "COPY t FROM STDIN", "UPDATE t SET a = 2", "DELETE FROM t",
        "TRUNCATE t", "WITH w AS (INSERT INTO t VALUES (1) RETURNING a) SELECT a FROM w",
        "SELECT a FROM t FOR UPDATE", "SELECT a FROM t FOR KEY SHARE", "SELECT nextval('s')",
        "SELECT setval('s', 7)", "CREATE TABLE u (a int)", "CREATE TEMP TABLE u (a int)",
        "SELECT a INTO u FROM t", "SELECT writes()", "EXPLAIN ANALYZE INSERT INTO t VALUES (1)",
        "GRANT SELECT ON t TO PUBLIC", "COMMENT ON TABLE t IS 'x'", "DROP TABLE t"}) {
    INFO(sql);
    CHECK(feeder.feed(sql) == read_only);
    CHECK(feeder.harmless());
  }
}

TEST_CASE("a transaction with a snapshot cannot be made read-write, nor left") {
  Feeder feeder;
  for (const char* sql : {"SET TRANSACTION READ WRITE", "SET LOCAL transaction_read_only = off",
                          "SET transaction_read_only = off", "BEGIN READ WRITE",
                          "SELECT set_config('transaction_read_only', 'off', true)"}) {
    INFO(sql);
    CHECK(feeder.feed(sql) == "25001");
    CHECK(refused_at_load(sql));
    CHECK(feeder.harmless());
  }
  // As the first statement it would have succeeded.
  Session session(server_with_dblink());
  session.run("BEGIN READ ONLY; SET TRANSACTION READ WRITE; INSERT INTO t VALUES (1); ROLLBACK");
  CHECK(feeder.feed("CALL commits()") == "2D000");
  CHECK(feeder.feed("DO 'begin commit; end'") == "2D000");
}

TEST_CASE("the extended protocol takes one statement, however it is written") {
  Feeder feeder;
  for (const char* sql : {"COMMIT; INSERT INTO t VALUES (1)", "SELECT 1; SELECT 2",
                          "SELECT 1;\nCOMMIT; BEGIN; INSERT INTO t VALUES (1)"}) {
    INFO(sql);
    CHECK(feeder.feed(sql) == "42601");
    CHECK(refused_at_load(sql));
    CHECK(feeder.harmless());
  }
  CHECK(Session(server_with_dblink()).run("SELECT count(*) FROM t") == "0");
}

TEST_CASE("what transaction and protocol let through is refused before it is sent") {
  Feeder feeder;
  for (const char* sql : {
           "SELECT pg_advisory_lock(42)",
           "SELECT pg_try_advisory_lock_shared(42)",
           "SELECT dblink_exec('dbname=postgres user=postgres host=127.0.0.1 port=' || "
           "current_setting('port'), 'CREATE TABLE IF NOT EXISTS escaped (a int)')",
           "SELECT pg_create_physical_replication_slot('left')",
           "SELECT pg_drop_replication_slot('left')",
           "COPY t TO PROGRAM 'cat > /dev/null'",
           "COPY t TO '/dev/null'",
           "SELECT pg_stat_reset()",
           "SELECT pg_reload_conf()",
           "SELECT pg_switch_wal()",
           "SELECT pg_create_restore_point('here')",
           "SELECT pg_logical_emit_message(false, 'a', 'b')",
           "SELECT pg_terminate_backend(-1)",
           "SELECT pg_cancel_backend(-1)",
           "SELECT pg_sleep(0.01)",
           "LOCK TABLE t IN ACCESS EXCLUSIVE MODE",
           "SELECT txid_current()",
           "SELECT pg_current_xact_id()",
           "SELECT lo_create(0)",
           "SELECT pg_notify('a', 'b')",
           "LISTEN a",
           "SELECT set_config('work_mem', '1MB', false)",
           "SET work_mem = '1MB'",
           "SELECT pg_export_snapshot()",
           "SELECT query_to_xml('SELECT pg_advisory_lock(1)', true, true, '')",
           "SELECT pg_rotate_logfile()",
           "PREPARE p AS SELECT 1",
           "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
           "COMMIT",
       }) {
    INFO(sql);
    CHECK(feeder.feed(sql).empty());
    CHECK(refused_at_load(sql));
    CHECK(feeder.harmless());
  }
  // The effects were real: what they are refused for.
  Session session(server_with_dblink());
  CHECK(session.run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") != "0");
  CHECK(session.run("SELECT to_regclass('escaped') IS NOT NULL") == "t");
}

TEST_CASE("an answer that no SELECT gives ends the connection, and the next one works") {
  Feeder feeder;
  for (const char* sql : {"COPY t TO STDOUT", ""}) {
    INFO(sql);
    CHECK(feeder.feed(sql) == "gone");
    CHECK(refused_at_load(sql));
    CHECK(feeder.harmless());
    CHECK(feeder.feed("SELECT a FROM t").empty());
  }
}
