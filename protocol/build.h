#pragma once

// The few messages that Parallax itself sends, as bytes.

#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.h"

namespace parallax::protocol {

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

}  // namespace parallax::protocol
