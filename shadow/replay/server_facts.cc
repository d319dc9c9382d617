#include "shadow/replay/server_facts.h"

#include <string_view>

#include "shadow/replay/catalog_reading.h"

namespace parallax::shadow {

namespace {

// has_schema_privilege() raises an error for a schema that is not there, hence the look-up. Tables
// are named through pg_class, so that a schema without USAGE is no error either.
constexpr std::string_view kFactsSql =
    R"(SELECT pg_catalog.quote_ident(CURRENT_USER), r.rolsuper, r.rolbypassrls,
  (SELECT pg_catalog.min(c.oid::pg_catalog.regclass::pg_catalog.text) FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
    WHERE (pg_catalog.format('"%s"', pg_catalog.replace(c.relname::pg_catalog.text, '"', '""'))
        = ANY ($1::pg_catalog.text[]) AND pg_catalog.pg_table_is_visible(c.oid)
      OR pg_catalog.format('"%s"."%s"', pg_catalog.replace(s.nspname::pg_catalog.text, '"', '""'),
        pg_catalog.replace(c.relname::pg_catalog.text, '"', '""')) = ANY ($1::pg_catalog.text[]))
    AND c.relkind IN ('r', 'p', 'v', 'f')
    AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')),
  pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
  EXISTS (SELECT FROM pg_catalog.pg_namespace s WHERE s.nspname = 'public'
    AND pg_catalog.has_schema_privilege(s.oid, 'CREATE')),
  pg_catalog.pg_is_in_recovery()
FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)";

enum Column : std::size_t { role, super, bypasses, writes, creates, creates_public, standby };

}  // namespace

const std::string& server_facts_sql() {
  static const std::string sql(kFactsSql);
  return sql;
}

ServerFacts read_server_facts(const ResultSet& rows) {
  ServerFacts facts;
  if (rows.rows() != 1) return facts;
  const auto is = [&](Column column) { return rows.cell(0, column) == "t"; };
  std::string may;
  const auto add = [&](bool holds, const std::string& what) {
    if (!holds) return;
    if (!may.empty()) may += ", ";
    may += what;
  };
  if (is(super)) {
    may = "is a superuser";
  } else {
    const auto table = text_of(rows, 0, writes);
    add(is(bypasses), "bypasses row-level security");
    add(!table.empty(), "may change " + table);
    add(is(creates), "may create schemas");
    add(is(creates_public), "may create objects in schema public");
  }
  if (!may.empty()) {
    facts.warning =
        "the shadow's role " + text_of(rows, 0, role) + " " + may +
        ", so that replays are kept from writing by their transaction alone; give the shadow a "
        "role that can only read, in shadow.url: CREATE ROLE parallax LOGIN NOINHERIT PASSWORD "
        "'...' NOSUPERUSER NOBYPASSRLS; GRANT SELECT ON ALL TABLES IN SCHEMA public TO parallax; "
        "ALTER ROLE parallax SET default_transaction_read_only = on; GRANT app TO parallax for "
        "each "
        "role that the clients have, and set shadow.identity: set_role, without which their "
        "sessions are another user's and not compared";
  }
  if (is(standby)) facts.information = "the shadow is a standby: it can write nothing at all";
  return facts;
}

}  // namespace parallax::shadow
