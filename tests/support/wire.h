#pragma once

// Messages of the PostgreSQL protocol as byte strings, for tests: fe::query("select 1") +
// fe::sync(). Each function makes exactly one message with its header (PostgreSQL manual, "Message
// Formats").

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/bytes.h"

namespace parallax::test {

inline std::string u16(std::uint16_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}
inline std::string u32(std::uint32_t value) {
  return u16(static_cast<std::uint16_t>(value >> 16)) +
         u16(static_cast<std::uint16_t>(value & 0xffff));
}
inline std::string i32(std::int32_t value) { return u32(static_cast<std::uint32_t>(value)); }
inline std::string z(std::string_view text) { return std::string(text) + '\0'; }

// A message of any type with any body.
inline std::string message(char type, std::string_view body) {
  return type + u32(static_cast<std::uint32_t>(body.size() + 4)) + std::string(body);
}
// A packet without type byte.
inline std::string packet(std::uint32_t code, std::string_view body) {
  return u32(static_cast<std::uint32_t>(body.size() + 8)) + u32(code) + std::string(body);
}

inline protocol::Bytes bytes(std::string_view text) { return protocol::as_bytes(text); }

using Parameters = std::vector<std::pair<std::string, std::string>>;
using Values = std::vector<std::optional<std::string>>;  // nothing = NULL

inline std::string values_body(const Values& values) {
  std::string body = u16(static_cast<std::uint16_t>(values.size()));
  for (const auto& value : values) {
    body += i32(value ? static_cast<std::int32_t>(value->size()) : -1) + value.value_or("");
  }
  return body;
}
inline std::string formats_body(const std::vector<std::uint16_t>& formats) {
  std::string body = u16(static_cast<std::uint16_t>(formats.size()));
  for (const std::uint16_t format : formats) body += u16(format);
  return body;
}

// Sent by the client.
namespace fe {

inline constexpr std::uint32_t kVersion30 = 3u << 16;

inline std::string startup(const Parameters& parameters, std::uint32_t version = kVersion30) {
  std::string body;
  for (const auto& [name, value] : parameters) body += z(name) + z(value);
  return packet(version, body + '\0');
}
inline std::string ssl_request() { return packet(80877103, ""); }
inline std::string gssenc_request() { return packet(80877104, ""); }
inline std::string cancel_request(std::uint32_t pid, std::string_view key) {
  return packet(80877102, u32(pid) + std::string(key));
}

inline std::string password(std::string_view text) { return message('p', z(text)); }
inline std::string query(std::string_view sql) { return message('Q', z(sql)); }
inline std::string parse(std::string_view name, std::string_view sql,
                         const std::vector<std::uint32_t>& types = {}) {
  std::string body = z(name) + z(sql) + u16(static_cast<std::uint16_t>(types.size()));
  for (const std::uint32_t type : types) body += u32(type);
  return message('P', body);
}
inline std::string bind(std::string_view portal, std::string_view statement,
                        const Values& values = {}, const std::vector<std::uint16_t>& formats = {},
                        const std::vector<std::uint16_t>& result_formats = {}) {
  return message('B', z(portal) + z(statement) + formats_body(formats) + values_body(values) +
                          formats_body(result_formats));
}
inline std::string describe_statement(std::string_view name) { return message('D', 'S' + z(name)); }
inline std::string describe_portal(std::string_view name) { return message('D', 'P' + z(name)); }
inline std::string execute(std::string_view portal = "", std::int32_t max_rows = 0) {
  return message('E', z(portal) + i32(max_rows));
}
inline std::string close_statement(std::string_view name) { return message('C', 'S' + z(name)); }
inline std::string close_portal(std::string_view name) { return message('C', 'P' + z(name)); }
inline std::string sync() { return message('S', ""); }
inline std::string flush() { return message('H', ""); }
inline std::string terminate() { return message('X', ""); }
inline std::string function_call(std::uint32_t oid, const Values& values = {}) {
  return message('F', u32(oid) + u16(0) + values_body(values) + u16(0));
}
inline std::string copy_data(std::string_view data) { return message('d', data); }
inline std::string copy_done() { return message('c', ""); }
inline std::string copy_fail(std::string_view why) { return message('f', z(why)); }

}  // namespace fe

// Sent by the server.
namespace be {

struct Column {
  std::string name;
  std::uint32_t table_oid = 0;
  std::uint16_t attribute = 0;
  std::uint32_t type_oid = 25;
  std::uint16_t type_length = 0xffff;
  std::int32_t type_modifier = -1;
  std::uint16_t format = 0;
};

inline std::string authentication_ok() { return message('R', u32(0)); }
inline std::string authentication_cleartext() { return message('R', u32(3)); }
inline std::string authentication_sasl(const std::vector<std::string>& mechanisms) {
  std::string body = u32(10);
  for (const auto& mechanism : mechanisms) body += z(mechanism);
  return message('R', body + '\0');
}
inline std::string authentication_sasl_continue(std::string_view data) {
  return message('R', u32(11) + std::string(data));
}
inline std::string authentication_sasl_final(std::string_view data) {
  return message('R', u32(12) + std::string(data));
}
inline std::string negotiate_protocol_version(std::uint32_t newest,
                                              const std::vector<std::string>& options = {}) {
  std::string body = u32(newest) + u32(static_cast<std::uint32_t>(options.size()));
  for (const auto& option : options) body += z(option);
  return message('v', body);
}
inline std::string backend_key_data(std::uint32_t pid, std::string_view key) {
  return message('K', u32(pid) + std::string(key));
}
inline std::string parameter_status(std::string_view name, std::string_view value) {
  return message('S', z(name) + z(value));
}
inline std::string ready(char status) { return message('Z', std::string_view(&status, 1)); }
inline std::string row_description(const std::vector<Column>& columns) {
  std::string body = u16(static_cast<std::uint16_t>(columns.size()));
  for (const auto& column : columns) {
    body += z(column.name) + u32(column.table_oid) + u16(column.attribute) + u32(column.type_oid) +
            u16(column.type_length) + i32(column.type_modifier) + u16(column.format);
  }
  return message('T', body);
}
inline std::string data_row(const Values& values) { return message('D', values_body(values)); }
inline std::string command_complete(std::string_view tag) { return message('C', z(tag)); }
inline std::string empty_query() { return message('I', ""); }
inline std::string portal_suspended() { return message('s', ""); }
inline std::string parse_complete() { return message('1', ""); }
inline std::string bind_complete() { return message('2', ""); }
inline std::string close_complete() { return message('3', ""); }
inline std::string parameter_description(const std::vector<std::uint32_t>& types = {}) {
  std::string body = u16(static_cast<std::uint16_t>(types.size()));
  for (const std::uint32_t type : types) body += u32(type);
  return message('t', body);
}
inline std::string no_data() { return message('n', ""); }
inline std::string error_fields(std::string_view severity, std::string_view sqlstate,
                                std::string_view text) {
  return 'S' + z(severity) + 'V' + z(severity) + 'C' + z(sqlstate) + 'M' + z(text) + '\0';
}
inline std::string error(std::string_view sqlstate, std::string_view text = "failed",
                         std::string_view severity = "ERROR") {
  return message('E', error_fields(severity, sqlstate, text));
}
inline std::string notice(std::string_view text) {
  return message('N', error_fields("NOTICE", "00000", text));
}
inline std::string notification(std::uint32_t pid, std::string_view channel,
                                std::string_view payload) {
  return message('A', u32(pid) + z(channel) + z(payload));
}
inline std::string function_result(std::string_view value) {
  return message('V', i32(static_cast<std::int32_t>(value.size())) + std::string(value));
}
inline std::string copy_in() { return message('G', std::string(1, '\0') + u16(0)); }
inline std::string copy_out() { return message('H', std::string(1, '\0') + u16(0)); }
inline std::string copy_both() { return message('W', std::string(1, '\0') + u16(0)); }
inline std::string copy_data(std::string_view data) { return message('d', data); }
inline std::string copy_done() { return message('c', ""); }

// What a server sends from AuthenticationOk to the first ReadyForQuery.
inline std::string session_start() {
  return authentication_ok() + parameter_status("server_version", "15.4") +
         backend_key_data(7, "keys") + ready('I');
}

}  // namespace be
}  // namespace parallax::test
