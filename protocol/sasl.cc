#include "protocol/sasl.h"

#include <algorithm>

#include "protocol/build.h"
#include "protocol/messages.h"

namespace parallax::protocol {

std::optional<std::vector<std::string_view>> sasl_mechanisms(Bytes body) {
  ByteReader reader(body);
  if (reader.u32() != authentication::kSasl) return std::nullopt;
  std::vector<std::string_view> mechanisms;
  for (;;) {
    const auto name = reader.c_string();
    if (!name) return std::nullopt;
    if (name->empty()) return mechanisms;
    mechanisms.push_back(*name);
  }
}

bool binds_channel(std::string_view mechanism) { return mechanism.ends_with("-PLUS"); }

std::optional<std::vector<std::byte>> without_channel_binding(Bytes body) {
  auto mechanisms = sasl_mechanisms(body);
  if (!mechanisms) return std::nullopt;
  std::erase_if(*mechanisms, binds_channel);
  if (mechanisms->empty()) return std::nullopt;
  std::vector<std::byte> kept;
  append_u32(kept, authentication::kSasl);
  for (const auto name : *mechanisms) append_c_string(kept, name);
  kept.push_back(std::byte{0});
  return build_message(backend::kAuthentication, kept);
}

std::optional<SaslInitialResponse> view_sasl_initial_response(Bytes body) {
  ByteReader reader(body);
  const auto mechanism = reader.c_string();
  const auto length = reader.i32();
  if (!length) return std::nullopt;
  if (*length < 0) return SaslInitialResponse{*mechanism, {}};
  const auto data = reader.bytes(static_cast<std::size_t>(*length));
  if (!data) return std::nullopt;
  return SaslInitialResponse{*mechanism, as_text(*data)};
}

bool believes_unbindable(const SaslInitialResponse& response) {
  return response.data.starts_with("y,");
}

std::vector<std::byte> build_cleartext_password_request() {
  std::vector<std::byte> body;
  append_u32(body, authentication::kCleartextPassword);
  return build_message(backend::kAuthentication, body);
}

std::vector<std::byte> build_sasl_initial_response(std::string_view mechanism,
                                                   std::string_view data) {
  std::vector<std::byte> body;
  append_c_string(body, mechanism);
  append_u32(body, static_cast<std::uint32_t>(data.size()));
  const auto bytes = as_bytes(data);
  body.insert(body.end(), bytes.begin(), bytes.end());
  return build_message(frontend::kPassword, body);
}

std::vector<std::byte> build_sasl_response(std::string_view data) {
  return build_message(frontend::kPassword, as_bytes(data));
}

}  // namespace parallax::protocol
