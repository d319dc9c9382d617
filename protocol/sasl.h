#pragma once

// Authentication messages that are looked at (PostgreSQL manual, "SASL Authentication"; RFC 5802).

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/bytes.h"

namespace parallax::protocol {

// Codes of an Authentication message ('R').
namespace authentication {
inline constexpr std::uint32_t kOk = 0;
inline constexpr std::uint32_t kCleartextPassword = 3;
inline constexpr std::uint32_t kSasl = 10;
inline constexpr std::uint32_t kSaslContinue = 11;
inline constexpr std::uint32_t kSaslFinal = 12;
}  // namespace authentication

// The mechanisms of an AuthenticationSASL body (code included), in order; nothing when malformed.
std::optional<std::vector<std::string_view>> sasl_mechanisms(Bytes body);

// A mechanism with channel binding: SCRAM-SHA-256-PLUS.
bool binds_channel(std::string_view mechanism);

// The AuthenticationSASL message without the mechanisms that bind the channel, all others in their
// order; nothing when no other is left or the body is malformed.
std::optional<std::vector<std::byte>> without_channel_binding(Bytes body);

// The client's first answer.
struct SaslInitialResponse {
  std::string_view mechanism;
  std::string_view data;  // client-first-message; empty when absent
};
std::optional<SaslInitialResponse> view_sasl_initial_response(Bytes body);

// The client could have bound the channel and says that the server does not offer it (gs2 flag
// `y`). A server that does offer it takes that for an attack.
bool believes_unbindable(const SaslInitialResponse& response);

std::vector<std::byte> build_cleartext_password_request();
std::vector<std::byte> build_sasl_initial_response(std::string_view mechanism,
                                                   std::string_view data);
std::vector<std::byte> build_sasl_response(std::string_view data);

}  // namespace parallax::protocol
