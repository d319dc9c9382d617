#pragma once

// What libpq says of a connection that failed, taken apart.

#include <string>
#include <string_view>

namespace parallax::shadow {

struct ConnectionError {
  std::string sqlstate;  // empty: no server answered
  std::string what;      // one line, may name host, user and database; never a value
};

// `message`: PQerrorMessage() in verbose form, "...: FATAL:  28P01: password authentication failed
// ...\nLOCATION: ...". The first line is kept, without the SQLSTATE, which libpq gives nowhere else
// while connecting.
ConnectionError connection_error(std::string_view message);

// The server, or a pooler in front of it, has no connection left: 53300, or the texts of PgBouncer
// and Supavisor, which use other codes.
bool is_too_many_connections(const ConnectionError& error);

// Trying again soon cannot help: authentication (class 28), or no such database (3D000).
bool is_lasting(const ConnectionError& error);

}  // namespace parallax::shadow
