#include "protocol/startup.h"

#include <algorithm>
#include <cctype>

namespace parallax::protocol {
namespace {

// "Protocol versions" of the requests (PostgreSQL manual, "Message Formats").
constexpr std::uint32_t kCancelRequest = 80877102;
constexpr std::uint32_t kGssEncRequest = 80877104;

constexpr std::size_t kHeaderBytes = 8;  // length and code
constexpr std::uint32_t kMajorVersion = 3;

FirstPacketKind kind_of(std::uint32_t code) {
  if (code == kCancelRequest) return FirstPacketKind::cancel_request;
  if (code == kSslRequestCode) return FirstPacketKind::ssl_request;
  if (code == kGssEncRequest) return FirstPacketKind::gssenc_request;
  return FirstPacketKind::startup;
}

// `text`, folded to lower case, begins `word`.
bool begins(std::string_view text, std::string_view word) {
  return text.size() <= word.size() &&
         std::equal(text.begin(), text.end(), word.begin(), [](char given, char expected) {
           return std::tolower(static_cast<unsigned char>(given)) == expected;
         });
}

}  // namespace

FirstPacketError read_first_packet(Bytes buffered, FirstPacket& packet) {
  ByteReader reader(buffered);
  const auto length = reader.u32();
  if (!length) return FirstPacketError::need_more;
  // Refused as soon as the length is known, as the server does: no waiting for bytes that would not
  // help.
  if (*length < kStartupPacketLengthMin || *length > kStartupPacketLengthMax) {
    return FirstPacketError::bad_length;
  }
  if (buffered.size() < *length) return FirstPacketError::need_more;
  const std::uint32_t code = reader.u32().value_or(0);
  packet = {kind_of(code), code, buffered.first(*length)};
  return FirstPacketError::none;
}

StartupParameters read_startup_parameters(const FirstPacket& packet) {
  StartupParameters parameters;
  // Protocol 2 has a packet of fixed fields; no server of today reads it.
  if (packet.kind != FirstPacketKind::startup || packet.code >> 16 < kMajorVersion)
    return parameters;
  ByteReader reader(packet.packet.subspan(std::min(kHeaderBytes, packet.packet.size())));
  for (;;) {
    const auto name = reader.c_string();
    if (!name || name->empty()) return parameters;
    const auto value = reader.c_string();
    if (!value) return parameters;
    parameters.values.emplace_back(*name, *value);
  }
}

std::optional<std::string_view> StartupParameters::find(std::string_view name) const {
  const auto found = std::find_if(values.rbegin(), values.rend(), [name](const auto& parameter) {
    return parameter.first == name;
  });
  if (found == values.rend()) return std::nullopt;
  return found->second;
}

std::string_view StartupParameters::user() const { return find("user").value_or(""); }

std::string_view StartupParameters::database() const {
  const std::string_view given = find("database").value_or("");
  return given.empty() ? user() : given;
}

// The server reads the value with parse_bool: any unambiguous beginning of true, yes, on, in any
// case.
bool StartupParameters::replication() const {
  const auto value = find("replication");
  if (!value || value->empty()) return false;
  return *value == "database" || *value == "1" || begins(*value, "true") || begins(*value, "yes") ||
         (value->size() == 2 && begins(*value, "on"));
}

}  // namespace parallax::protocol
