#include "shadow/rules/side_effects.h"

#include <algorithm>
#include <iterator>

namespace parallax::shadow {

namespace {

constexpr std::string_view kNames[] = {"autoprewarm_*",
                                       "binary_upgrade_*",
                                       "brin_desummarize_range",
                                       "brin_summarize_*",
                                       "connectby",
                                       "crosstab*",
                                       "currtid*",
                                       "currval",
                                       "cursor_to_xml*",
                                       "database_to_xml*",
                                       "dblink*",
                                       "gin_clean_pending_list",
                                       "heap_force_*",
                                       "lastval",
                                       "lo_*",
                                       "loread",
                                       "lowrite",
                                       "nextval",
                                       "pg_advisory*",
                                       "pg_backup_*",
                                       "pg_cancel_backend",
                                       "pg_clear_*",
                                       "pg_copy_*slot*",
                                       "pg_create_*slot*",
                                       "pg_create_restore_point",
                                       "pg_current_xact_id",
                                       "pg_drop_*slot*",
                                       "pg_export_snapshot",
                                       "pg_extension_config_dump",
                                       "pg_file_*",
                                       "pg_import_system_collations",
                                       "pg_log_backend_memory_contexts",
                                       "pg_log_standby_snapshot",
                                       "pg_logdir_ls",
                                       "pg_logical_emit_message",
                                       "pg_logical_slot_*",
                                       "pg_ls_*",
                                       "pg_nextoid",
                                       "pg_notify",
                                       "pg_prewarm",
                                       "pg_promote",
                                       "pg_read_*file*",
                                       "pg_reload_conf",
                                       "pg_replication_*",
                                       "pg_restore_*_stats",
                                       "pg_rotate_logfile*",
                                       "pg_sleep*",
                                       "pg_start_backup",
                                       "pg_stat_clear_snapshot",
                                       "pg_stat_file",
                                       "pg_stat_force_next_flush",
                                       "pg_stat_reset*",
                                       "pg_stat_statements_reset",
                                       "pg_stop_backup",
                                       "pg_stop_making_pinned_objects",
                                       "pg_switch_wal",
                                       "pg_switch_xlog",
                                       "pg_sync_replication_slots",
                                       "pg_terminate_backend",
                                       "pg_truncate_visibility_map",
                                       "pg_try_advisory*",
                                       "pg_wal_replay_*",
                                       "pg_xlog_replay_*",
                                       "query_to_xml*",
                                       "schema_to_xml*",
                                       "set_config",
                                       "setseed",
                                       "setval",
                                       "table_to_xml*",
                                       "ts_stat",
                                       "txid_current",
                                       "xpath_table",
                                       "xslt_process"};

// A star stands for anything, also nothing; at most two, the last at the end.
bool fits(std::string_view name, std::string_view pattern) {
  std::string_view rest = name;
  while (true) {
    const auto star = pattern.find('*');
    const auto part = pattern.substr(0, star);
    const bool first = rest.data() == name.data();
    const auto at = first ? (rest.starts_with(part) ? 0 : std::string_view::npos) : rest.find(part);
    if (at == std::string_view::npos) return false;
    rest.remove_prefix(at + part.size());
    if (star == std::string_view::npos) return rest.empty();
    pattern.remove_prefix(star + 1);
    if (pattern.empty()) return true;
  }
}

}  // namespace

bool has_side_effects(std::string_view name) {
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view pattern) { return fits(name, pattern); });
}

}  // namespace parallax::shadow
