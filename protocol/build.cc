#include "protocol/build.h"

#include <algorithm>
#include <iterator>

#include "protocol/messages.h"
#include "protocol/startup.h"

namespace parallax::protocol {
void append_u32(std::vector<std::byte>& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::byte>(value >> shift));
}

void append_c_string(std::vector<std::byte>& out, std::string_view text) {
  const Bytes bytes = as_bytes(text.substr(0, text.find('\0')));
  std::copy(bytes.begin(), bytes.end(), std::back_inserter(out));
  out.push_back(std::byte{0});
}

std::vector<std::byte> build_message(char type, Bytes body) {
  std::vector<std::byte> out;
  out.reserve(1 + sizeof(std::uint32_t) + body.size());
  out.push_back(static_cast<std::byte>(type));
  append_u32(out, static_cast<std::uint32_t>(sizeof(std::uint32_t) + body.size()));
  std::copy(body.begin(), body.end(), std::back_inserter(out));
  return out;
}

namespace {

void append_field(std::vector<std::byte>& out, char code, std::string_view text) {
  out.push_back(static_cast<std::byte>(code));
  append_c_string(out, text);
}

}  // namespace

std::vector<std::byte> build_error_response(const ErrorFields& fields) {
  std::vector<std::byte> body;
  append_field(body, 'S', fields.severity);
  append_field(body, 'V', fields.severity);
  append_field(body, 'C', fields.sqlstate);
  append_field(body, 'M', fields.message);
  if (!fields.detail.empty()) append_field(body, 'D', fields.detail);
  if (!fields.hint.empty()) append_field(body, 'H', fields.hint);
  body.push_back(std::byte{0});
  return build_message(backend::kErrorResponse, body);
}

std::vector<std::byte> build_ssl_request() {
  std::vector<std::byte> out;
  append_u32(out, 8);
  append_u32(out, kSslRequestCode);
  return out;
}

namespace {

void append_u16(std::vector<std::byte>& out, std::size_t value) {
  out.push_back(static_cast<std::byte>(value >> 8));
  out.push_back(static_cast<std::byte>(value));
}

void append_message(std::vector<std::byte>& out, char type, Bytes body) {
  const auto message = build_message(type, body);
  out.insert(out.end(), message.begin(), message.end());
}

void append_named(std::vector<std::byte>& out, char type, char kind, std::string_view name) {
  std::vector<std::byte> body{static_cast<std::byte>(kind)};
  append_c_string(body, name);
  append_message(out, type, body);
}

}  // namespace

void append_query(std::vector<std::byte>& out, std::string_view sql) {
  std::vector<std::byte> body;
  append_c_string(body, sql);
  append_message(out, frontend::kQuery, body);
}

void append_parse(std::vector<std::byte>& out, std::string_view statement, std::string_view sql,
                  std::span<const std::uint32_t> parameter_types) {
  std::vector<std::byte> body;
  append_c_string(body, statement);
  append_c_string(body, sql);
  append_u16(body, parameter_types.size());
  for (const auto type : parameter_types) append_u32(body, type);
  append_message(out, frontend::kParse, body);
}

void append_bind(std::vector<std::byte>& out, std::string_view portal, std::string_view statement,
                 std::span<const BindParameter> parameters, bool binary) {
  std::vector<std::byte> body;
  append_c_string(body, portal);
  append_c_string(body, statement);
  append_u16(body, parameters.size());
  for (const auto& parameter : parameters) append_u16(body, parameter.binary ? 1 : 0);
  append_u16(body, parameters.size());
  for (const auto& parameter : parameters) {
    append_u32(body,
               parameter.null ? UINT32_MAX : static_cast<std::uint32_t>(parameter.bytes.size()));
    if (parameter.null) continue;
    const Bytes bytes = as_bytes(parameter.bytes);
    body.insert(body.end(), bytes.begin(), bytes.end());
  }
  append_u16(body, 1);
  append_u16(body, binary ? 1 : 0);
  append_message(out, frontend::kBind, body);
}

void append_describe_portal(std::vector<std::byte>& out, std::string_view portal) {
  append_named(out, frontend::kDescribe, 'P', portal);
}

void append_execute(std::vector<std::byte>& out, std::string_view portal) {
  std::vector<std::byte> body;
  append_c_string(body, portal);
  append_u32(body, 0);
  append_message(out, frontend::kExecute, body);
}

void append_close_statement(std::vector<std::byte>& out, std::string_view statement) {
  append_named(out, frontend::kClose, 'S', statement);
}

void append_close_portal(std::vector<std::byte>& out, std::string_view portal) {
  append_named(out, frontend::kClose, 'P', portal);
}

void append_flush(std::vector<std::byte>& out) { append_message(out, frontend::kFlush, {}); }
void append_sync(std::vector<std::byte>& out) { append_message(out, frontend::kSync, {}); }

std::vector<std::byte> build_terminate() { return build_message(frontend::kTerminate, {}); }

}  // namespace parallax::protocol
