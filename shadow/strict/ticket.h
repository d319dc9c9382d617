#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace parallax::shadow {

struct Rule;

// Whose answer is held.
struct StrictTicket {
  std::size_t worker = 0;
  std::uint64_t session_id = 0;
  std::uint64_t serial = 0;  // of the held statements of the session
  // The session is in a transaction block: what the client sees, only its own connection sees.
  bool in_transaction = false;
  // The session has made temporary objects, which its own connection sees in the place of others.
  bool temporary_objects = false;
  bool is_of_same(const StrictTicket& other) const {
    return session_id == other.session_id && serial == other.serial;
  }
};

// For whose verdicts: the rules that were strict among those that the statement may belong to. Of
// an operation of another rule the client hears nothing.
struct StrictHold {
  StrictTicket ticket;
  std::vector<const Rule*> rules;
  bool is_for(const Rule& rule) const { return std::ranges::find(rules, &rule) != rules.end(); }
};

}  // namespace parallax::shadow
