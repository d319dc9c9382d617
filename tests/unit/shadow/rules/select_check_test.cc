// What is refused before any server is asked, and what the server is asked about.

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "tests/unit/shadow/rules/support.h"

namespace parallax::shadow {
namespace {

using test::compile;
using test::problems;
using Texts = std::vector<std::string>;

constexpr const char* kSideEffects[] = {"pg_advisory_lock",
                                        "pg_advisory_xact_lock_shared",
                                        "pg_try_advisory_lock",
                                        "dblink",
                                        "dblink_exec",
                                        "pg_create_physical_replication_slot",
                                        "pg_create_logical_replication_slot",
                                        "pg_drop_replication_slot",
                                        "pg_replication_origin_create",
                                        "nextval",
                                        "setval",
                                        "currval",
                                        "lastval",
                                        "set_config",
                                        "pg_sleep",
                                        "pg_sleep_for",
                                        "lo_create",
                                        "lo_import",
                                        "lo_unlink",
                                        "pg_notify",
                                        "pg_terminate_backend",
                                        "pg_cancel_backend",
                                        "pg_reload_conf",
                                        "pg_rotate_logfile",
                                        "pg_switch_wal",
                                        "pg_create_restore_point",
                                        "pg_logical_emit_message",
                                        "pg_stat_reset",
                                        "pg_stat_reset_shared",
                                        "pg_read_file",
                                        "pg_read_binary_file",
                                        "pg_ls_dir",
                                        "pg_ls_waldir",
                                        "pg_current_xact_id",
                                        "pg_export_snapshot",
                                        "query_to_xml",
                                        "query_to_xml_and_xmlschema",
                                        "table_to_xml",
                                        "cursor_to_xml",
                                        "database_to_xml",
                                        "schema_to_xml",
                                        "pg_backup_start",
                                        "pg_start_backup",
                                        "pg_promote",
                                        "pg_wal_replay_pause",
                                        "txid_current",
                                        "pg_sync_replication_slots",
                                        "pg_replication_slot_advance",
                                        "pg_copy_physical_replication_slot",
                                        "pg_logical_slot_get_changes",
                                        "pg_import_system_collations",
                                        "pg_log_standby_snapshot",
                                        "pg_log_backend_memory_contexts",
                                        "pg_file_write",
                                        "pg_prewarm",
                                        "autoprewarm_dump_now",
                                        "heap_force_kill",
                                        "brin_summarize_new_values",
                                        "brin_desummarize_range",
                                        "gin_clean_pending_list",
                                        "binary_upgrade_set_next_pg_type_oid",
                                        "pg_restore_relation_stats",
                                        "currtid2",
                                        "ts_stat",
                                        "crosstab",
                                        "crosstab3",
                                        "connectby",
                                        "xpath_table",
                                        "xslt_process",
                                        "dblink_get_notify",
                                        "database_to_xml_and_xmlschema",
                                        "pg_catalog.\"pg_advisory_lock\"",
                                        "\"pg_catalog\".Pg_Advisory_Unlock_All",
                                        "\"nextval\"",
                                        "NextVal"};

TEST_CASE("functions with side effects are refused by name") {
  const std::string why =
      "` has effects that a read-only transaction and its rollback do not undo, or gives each run "
      "another "
      "answer: it cannot be replayed";
  CHECK(problems("select 1", "select a,\n pg_sleep(1) from t") ==
        Texts{"r.yaml:112:8: `pg_sleep" + why});
  CHECK(problems("select pg_catalog.SET_CONFIG('a', :a, true)", "select :a") ==
        Texts{"r.yaml:12:14: `set_config" + why});
  for (const char* name : kSideEffects) {
    INFO(name);
    CHECK(problems("select 1", std::string("select count(*) from ") + name + "(1)").size() == 1);
  }
  for (const char* name :
       {"count", "lower", "now", "pg_typeof", "pg_stat_get_db_numbackends", "myschema.log",
        "nextvalue", "txid_current_snapshot", "lower_", "pg_current_xact_id_if_assigned",
        "pg_restore_all", "crossing", "pg_size_pretty"}) {
    INFO(name);
    CHECK(problems("select 1", std::string("select ") + name + "(1)").empty());
  }
}

TEST_CASE("a function with side effects is found wherever it stands") {
  for (const char* sql : {"select a from t order by pg_advisory_lock(a)",
                          "select a from t where b in (select pg_advisory_lock(1)::text)",
                          "select a from t left join lateral pg_advisory_lock(t.a) on true",
                          "select a from t group by a having pg_advisory_lock(1) is null",
                          "select a from t limit (select 1 from pg_advisory_lock(1))",
                          "with x as (select pg_advisory_lock(1)) select 1",
                          "select lower(pg_advisory_lock(1)::text)",
                          "select sum(a) filter (where pg_advisory_lock(1) is null) from t",
                          "select sum(a) over (order by pg_advisory_lock(1)) from t",
                          "select case when a then pg_advisory_lock(1) end from t",
                          "select a from rows from (generate_series(1, 2), pg_advisory_lock(1)) a",
                          "select a from t union all select pg_advisory_lock(1)",
                          "select a from t tablesample system (pg_advisory_lock(1))",
                          "values (pg_advisory_lock(1))"}) {
    INFO(sql);
    CHECK(problems("select 1", sql).size() == 1);
  }
  auto with_let = test::source("r", "select a from t where a = :a", "select a from t where a = :b");
  with_let.let["b"].text = "pg_advisory_lock(:a)";
  CHECK(problems({with_let}).size() == 1);
}

TEST_CASE("what the catalog is asked about is all that is named, and no literal") {
  const auto set = compile("select 1 from \"T\" where a = :a",
                           "with c as (select u.x::mood from s.u where x ||| 'lit' = :a) select "
                           "B(c.x), now() from c, \"q\"\"q\"");
  const Rule& rule = *set.rules()[0];
  CHECK(rule.functions == Texts{"b", "now"});
  CHECK(rule.tables == Texts{"\"T\"", "\"c\"", "\"q\"\"q\"", "\"s\".\"u\""});
  for (const char* name : {"a", "b", "x", "u", "mood", "|||", "now"}) {
    INFO(name);
    CHECK(std::count(rule.names.begin(), rule.names.end(), name) == 1);
  }
  CHECK(std::count(rule.names.begin(), rule.names.end(), "lit") == 0);
}

}  // namespace
}  // namespace parallax::shadow
