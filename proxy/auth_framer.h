#pragma once

// Before AuthenticationOk each client message goes upstream as one write, whole: peers are fragile
// here (some poolers match a login message only as one delivery). The only messages are 'p', which
// carry passwords: what was sent is wiped.

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "protocol/bytes.h"

namespace parallax::proxy {

class AuthFramer {
 public:
  // The server reads at most 65,535 bytes of a password message (PG_MAX_AUTH_TOKEN_LENGTH).
  static constexpr std::size_t kMessageBytesMax = 65'535 + 5;

  AuthFramer() = default;
  ~AuthFramer();
  AuthFramer(const AuthFramer&) = delete;
  AuthFramer& operator=(const AuthFramer&) = delete;

  // Calls `send` for each message that is complete. A message that is longer than allowed is passed
  // on as it comes, for the server to refuse.
  void feed(protocol::Bytes chunk, const std::function<void(protocol::Bytes)>& send);
  // Whatever is incomplete, when the phase ends.
  void flush(const std::function<void(protocol::Bytes)>& send);

 private:
  void wipe();
  std::vector<std::byte> buffered_;
  bool passing_ = false;
};

}  // namespace parallax::proxy
