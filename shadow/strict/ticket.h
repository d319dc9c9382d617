#pragma once

#include <cstddef>
#include <cstdint>

namespace parallax::shadow {

// Whose answer is held.
struct StrictTicket {
  std::size_t worker = 0;
  std::uint64_t session_id = 0;
  std::uint64_t serial = 0;  // of the held statements of the session
  // The session is in a transaction block: what the client sees, only its own connection sees.
  bool in_transaction = false;
};

}  // namespace parallax::shadow
