#pragma once

// How many connections the server has, and how many it gives to others than superusers.

#include <functional>
#include <optional>

#include "shadow/options.h"
#include "shadow/replay/connection.h"
#include "shadow/replay/read_only_transaction.h"

namespace parallax::shadow {

struct ServerConnections {
  double used = 0;
  double available = 0;
};

class ServerConnectionsQuery {
 public:
  using Done = std::function<void(std::optional<ServerConnections>)>;

  ServerConnectionsQuery(io::Loop& loop, const Options& options) : transaction_(loop, options) {}

  // Once. The connection must be idle; afterwards it is idle or closed. Nothing: the server did not
  // tell. `done` may destroy this object, and may come from within this call when nothing can be
  // sent.
  void run(Connection& connection, Done done);

 private:
  ReadOnlyTransaction transaction_;
};

}  // namespace parallax::shadow
