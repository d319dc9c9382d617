#pragma once

// The few messages that Parallax itself sends, as bytes.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.h"

namespace parallax::protocol {

// Parts of messages.
void append_u32(std::vector<std::byte>& out, std::uint32_t value);
// Up to the first NUL of `text`, which would end it for the reader, and a NUL.
void append_c_string(std::vector<std::byte>& out, std::string_view text);
// Type, length, body.
std::vector<std::byte> build_message(char type, Bytes body);

struct ErrorFields {
  std::string_view severity;  // FATAL or ERROR
  std::string_view sqlstate;  // five characters (PostgreSQL manual, appendix A)
  std::string_view message;
  std::string_view detail = {};  // left out when empty
  std::string_view hint = {};    // left out when empty
};

// ErrorResponse ('E') with the fields S, V, C, M and, where given, D and H.
std::vector<std::byte> build_error_response(const ErrorFields& fields);

// Terminate ('X').
std::vector<std::byte> build_terminate();

// SSLRequest: eight bytes, no type.
std::vector<std::byte> build_ssl_request();

}  // namespace parallax::protocol
