#include "shadow/governor/server_connections.h"

#include <cstdlib>
#include <utility>
#include <variant>
#include <vector>

#include "shadow/replay/catalog_reading.h"

namespace parallax::shadow {

namespace {

constexpr const char* kConnectionsSql =
    "SELECT (SELECT pg_catalog.sum(numbackends) FROM pg_catalog.pg_stat_database),"
    " pg_catalog.current_setting('max_connections')::pg_catalog.int4"
    " - pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int4"
    // Since version 16, for roles of pg_use_reserved_connections.
    " - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')"
    "::pg_catalog.int4";

std::optional<ServerConnections> read(const TransactionEnd& end) {
  const auto* steps = std::get_if<std::vector<StepResult>>(&end);
  if (steps == nullptr || steps->size() != 1 || !steps->front().sqlstate.empty()) return {};
  const auto& rows = steps->front().result;
  if (rows.rows() != 1) return {};
  const auto number = [&rows](std::size_t column) {
    return std::strtod(text_of(rows, 0, column).c_str(), nullptr);
  };
  return ServerConnections{number(0), number(1)};
}

}  // namespace

void ServerConnectionsQuery::run(Connection& connection, Done done) {
  transaction_.run(connection, nullptr, {{TransactionStep::Kind::query, kConnectionsSql, {}}},
                   [done = std::move(done)](const TransactionEnd& end) { done(read(end)); });
}

}  // namespace parallax::shadow
