#pragma once

// The first packet of a connection: it has a length but no type byte (PostgreSQL manual, "Message
// Formats": StartupMessage, SSLRequest, GSSENCRequest, CancelRequest).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/bytes.h"

namespace parallax::protocol {

// What an SSLRequest has in the place of a version.
inline constexpr std::uint32_t kSslRequestCode = 80877103;

enum class FirstPacketKind { ssl_request, gssenc_request, cancel_request, startup };

struct FirstPacket {
  FirstPacketKind kind;
  std::uint32_t code;  // protocol version (major << 16 | minor) or the request's magic number
  Bytes packet;        // the whole packet with its length word, as it was received
};

// MAX_STARTUP_PACKET_LENGTH of the server counts the body; the length word comes on top.
inline constexpr std::uint32_t kStartupPacketLengthMax = 10004;
inline constexpr std::uint32_t kStartupPacketLengthMin = 8;

enum class FirstPacketError { none, need_more, bad_length };

// Reads one packet from the front of `buffered`. `need_more` until it is complete; `bad_length`
// where the server would close the connection in silence (length below 8 or above 10004).
// packet.packet.size() bytes were used.
FirstPacketError read_first_packet(Bytes buffered, FirstPacket& packet);

// Parameters of a StartupMessage in the order sent, duplicates kept; lenient, because the bytes are
// forwarded anyway.
struct StartupParameters {
  std::vector<std::pair<std::string, std::string>> values;
  // The last value of `name`, or nothing.
  std::optional<std::string_view> find(std::string_view name) const;
  std::string_view user() const;      // empty when absent
  std::string_view database() const;  // defaults to the user, as in the server
  bool replication() const;  // walsender connection: `replication` is true, on, yes, 1 or database
};
StartupParameters read_startup_parameters(const FirstPacket& packet);

}  // namespace parallax::protocol
