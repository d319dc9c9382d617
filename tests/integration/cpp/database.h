#pragma once

// The server that most tests share, with a schema, and the options of an engine on it.

#include "shadow/options.h"
#include "tests/integration/cpp/pg_server.h"

namespace parallax::pgtest {

// Running; made at the first call.
PgServer& shared_server();
// Roles tester (may read all but `locked_away`), secretive (password "right"), few (one
// connection), and the tables.
void make_schema(const PgServer& server);
shadow::Options options_on(const PgServer& server, const std::string& user = "tester");

}  // namespace parallax::pgtest
