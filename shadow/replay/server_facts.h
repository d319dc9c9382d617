#pragma once

// What the shadow's role may do beyond reading, and what kind of server it is: a replay should be
// harmless by its role too, not by its transaction alone.

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "shadow/options.h"
#include "shadow/replay/connection.h"
#include "shadow/replay/read_only_transaction.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

struct ServerFacts {
  std::string warning;      // what the role may do, and the SQL of a better one; empty: nothing
  std::string information;  // that the server is a standby; empty otherwise
  bool operator==(const ServerFacts&) const = default;
};

// `rows`: the one row that the query of ServerFactsCheck gives.
ServerFacts read_server_facts(const ResultSet& rows);

class ServerFactsCheck {
 public:
  using Done = std::function<void(std::variant<ServerFacts, ReplaySkip>)>;

  ServerFactsCheck(io::Loop& loop, const Options& options) : transaction_(loop, options) {}

  // Once. `tables`: as Rule::tables. The connection must be idle; afterwards it is idle or closed.
  // `done` may destroy this object, and may come from within this call when nothing can be sent.
  void run(Connection& connection, const std::vector<std::string>& tables, Done done);

 private:
  ReadOnlyTransaction transaction_;
};

}  // namespace parallax::shadow
