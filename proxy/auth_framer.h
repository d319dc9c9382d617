#pragma once

// Whole messages out of the bytes of a login, in one direction. The client's carry passwords: what
// was used is wiped.

#include <cstddef>
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

  void feed(protocol::Bytes chunk);
  // The next message that is complete, valid until the next call. Nothing when more bytes are
  // needed, or when these are no messages (see broken()).
  std::optional<protocol::Bytes> next();
  // The message that next() has just given is given again.
  void put_back() { used_ = 0; }
  std::size_t buffered() const { return buffered_.size() - begin_; }
  // A length is not possible here: the rest is for the other side to judge.
  bool broken() const { return broken_; }
  // Everything that next() has not given, valid until the next call.
  protocol::Bytes take_rest();

 private:
  void wipe_used();
  protocol::Bytes rest() const { return protocol::Bytes(buffered_).subspan(begin_); }
  std::vector<std::byte> buffered_;
  std::size_t begin_ = 0;  // what lies before it has been used and wiped
  std::size_t used_ = 0;   // behind it: given, and to be wiped by the next call
  bool broken_ = false;
};

}  // namespace parallax::proxy
