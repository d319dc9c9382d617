#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "shadow/options.h"
#include "shadow/replay/connection.h"
#include "shadow/replay/read_only_transaction.h"
#include "shadow/replay/server_facts.h"

namespace parallax::shadow {

// Asks the server for its facts.
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
