#pragma once

// How a login is written as an input of the login fuzzer: one byte for what the legs are (bit 0:
// the client's is TLS, 1: it is local, 2: the server's is TLS, 3: the password is asked for), then
// as in conversation_input.h.
//
// A server's step may hold two marks of the length of what they stand for: an input cannot know
// the client's nonce, nor the signature that follows from it.

#include <string>
#include <string_view>

#include "tests/fuzz/conversation_input.h"

namespace parallax::test {

inline constexpr std::string_view kNonceMark = "NONCE-OF-THE-CLIENT-HERE";
inline constexpr std::string_view kSignatureMark = "SIGNATURE-OF-A-SERVER-THAT-KNOWS-THE-PASSWD=";
inline constexpr std::string_view kFuzzPassword = "pencil";  // the one that it knows

namespace legs {
inline constexpr unsigned kClientTls = 1;
inline constexpr unsigned kClientLocal = 2;
inline constexpr unsigned kServerTls = 4;
inline constexpr unsigned kAskPassword = 8;
}  // namespace legs

inline std::string write_login(unsigned leg_bits, std::size_t piece, const Session& session) {
  return static_cast<char>(leg_bits) + write_input(piece, false, session);
}

}  // namespace parallax::test
