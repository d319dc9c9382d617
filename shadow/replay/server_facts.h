#pragma once

// What the shadow's role may do beyond reading, and what kind of server it is: a replay should be
// harmless by its role too, not by its transaction alone.

#include <string>

#include "shadow/compare/result_set.h"

namespace parallax::shadow {

struct ServerFacts {
  std::string warning;      // what the role may do, and the SQL of a better one; empty: nothing
  std::string information;  // that the server is a standby; empty otherwise
  bool operator==(const ServerFacts&) const = default;
};

// $1: an array of tables as in Rule::tables.
const std::string& server_facts_sql();
// `rows`: the one row that it gives.
ServerFacts read_server_facts(const ResultSet& rows);

}  // namespace parallax::shadow
