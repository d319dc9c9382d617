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

std::vector<std::byte> build_terminate() { return build_message(frontend::kTerminate, {}); }

}  // namespace parallax::protocol
