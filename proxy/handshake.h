#pragma once

// What a client may send before its session runs: SSLRequest and GSSENCRequest (each answered `N`,
// once), then a CancelRequest or a StartupMessage. Pure: bytes in, an order out.

#include <string>
#include <vector>

#include "protocol/startup.h"

namespace parallax::proxy {

class Handshake {
 public:
  enum class Order {
    wait,       // the packet is not complete
    answer_no,  // send one byte `N`, then go on feeding
    start,      // packet() is a StartupMessage: connect upstream and send it
    cancel,     // packet() is a CancelRequest: relay it
    stuffed,    // bytes follow an encryption request in the same flight: refuse (CVE-2021-23214)
    repeated,   // the same encryption request again: refuse as the server does
    close       // not a startup packet: close in silence, as the server does
  };

  Order feed(protocol::Bytes chunk);

  // The first packet that is not an encryption request, as received.
  protocol::Bytes packet() const { return packet_.packet; }
  const protocol::FirstPacket& first_packet() const { return packet_; }
  // What came behind the startup packet (a client that does not wait); belongs to the session.
  protocol::Bytes rest() const { return protocol::Bytes(buffered_).subspan(packet_.packet.size()); }
  bool anything_received() const { return anything_received_; }
  std::uint32_t request_code() const { return packet_.code; }

 private:
  std::vector<std::byte> buffered_;
  protocol::FirstPacket packet_{};
  bool anything_received_ = false;
  bool ssl_refused_ = false;
  bool gss_refused_ = false;
};

}  // namespace parallax::proxy
