#pragma once

// What travels from a worker to the shadow loop: values and ids, no pointer into a session.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "shadow/rules/rule.h"

namespace parallax::shadow {

// Settings given in the startup packet, in order (TimeZone, search_path, -c options, ...), never
// user, database, application_name, client_encoding, replication, timeouts. One per session,
// immutable.
using StartupSettings = std::shared_ptr<const std::vector<std::pair<std::string, std::string>>>;

// A matched and sampled operation whose legacy result is complete.
struct CapturedOperation {
  const Rule* rule = nullptr;
  std::uint64_t session_id = 0;
  StartupSettings settings;
  BoundStatement legacy;  // the client's own text and parameters
  NamedValues values;
  std::string live_sqlstate;  // what the client got: empty = a result
  std::size_t bytes() const;  // for the queue's limit
};

// --dev: a statement that no rule covers, first time on this worker, with a skeleton already made.
struct UncoveredStatement {
  std::string sql;
  std::string skeleton;
};

using Captured = std::variant<CapturedOperation, UncoveredStatement>;

}  // namespace parallax::shadow
