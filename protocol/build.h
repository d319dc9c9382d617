#pragma once

// The few messages that Parallax itself sends, as bytes.

#include <cstdint>
#include <span>
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

// Requests, put behind each other. Names and SQL end at their first NUL.
void append_query(std::vector<std::byte>& out, std::string_view sql);
void append_parse(std::vector<std::byte>& out, std::string_view statement, std::string_view sql,
                  std::span<const std::uint32_t> parameter_types);
struct BindParameter {
  bool null = false;
  bool binary = false;
  std::string_view bytes;
};
// `binary`: the format of all columns of the result.
void append_bind(std::vector<std::byte>& out, std::string_view portal, std::string_view statement,
                 std::span<const BindParameter> parameters, bool binary);
void append_describe_portal(std::vector<std::byte>& out, std::string_view portal);
void append_execute(std::vector<std::byte>& out, std::string_view portal);  // all rows
void append_close_statement(std::vector<std::byte>& out, std::string_view statement);
void append_close_portal(std::vector<std::byte>& out, std::string_view portal);
void append_flush(std::vector<std::byte>& out);
void append_sync(std::vector<std::byte>& out);

// Terminate ('X').
std::vector<std::byte> build_terminate();

// SSLRequest: eight bytes, no type.
std::vector<std::byte> build_ssl_request();

}  // namespace parallax::protocol
