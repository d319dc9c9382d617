#include "shadow/replay/rule_rights.h"

#include <string_view>

#include "shadow/replay/catalog_reading.h"

namespace parallax::shadow {

namespace {

constexpr std::string_view kRightsSql =
    "SELECT c.oid::pg_catalog.regclass, pg_catalog.quote_ident(CURRENT_USER) FROM "
    "pg_catalog.unnest($1::pg_catalog.text[]) AS t(name) JOIN pg_catalog.pg_class c ON c.oid = "
    "pg_catalog.to_regclass(t.name) WHERE NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') AND "
    "NOT pg_catalog.has_any_column_privilege(c.oid, 'SELECT') ORDER BY 1 LIMIT 1";

}  // namespace

TransactionStep rights_step(const Rule& rule) {
  return {TransactionStep::Kind::query, std::string(kRightsSql), {array_of(rule.tables)}};
}

std::string rights_problem(const StepResult& step) {
  if (!step.sqlstate.empty()) {
    return "the shadow's role lacks a right: " + step.message + ": grant USAGE on it";
  }
  if (step.result.rows() == 0) return {};
  const auto table = text_of(step.result, 0, 0);
  return "the shadow's role may not read " + table + ": GRANT SELECT ON " + table + " TO " +
         text_of(step.result, 0, 1);
}

}  // namespace parallax::shadow
