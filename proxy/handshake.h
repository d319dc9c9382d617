#pragma once

// What a client may send before its session runs: SSLRequest (answered `S` where the listener has a
// certificate, else `N`) and GSSENCRequest (answered `N`), each once, or TLS at once; then a
// CancelRequest or a StartupMessage. Pure: bytes in, an order out.

#include <string>
#include <vector>

#include "protocol/startup.h"

namespace parallax::proxy {

class Handshake {
 public:
  enum class Order {
    wait,       // the packet is not complete
    answer_no,  // send one byte `N`, then go on feeding
    encrypt,    // send one byte `S`, shake hands, then go on feeding what was inside; see stuffed()
    encrypt_directly,  // the bytes just fed begin a TLS handshake; go on feeding what was inside
    start,             // packet() is a StartupMessage: connect upstream and send it
    cancel,            // packet() is a CancelRequest: relay it
    stuffed,   // bytes follow an encryption request in the same flight: refuse (CVE-2021-23214)
    repeated,  // the same encryption request again: refuse as the server does
    close      // not a startup packet: close in silence, as the server does
  };

  explicit Handshake(bool offers_tls) : offers_tls_(offers_tls) {}

  Order feed(protocol::Bytes chunk);

  // Bytes came behind SSLRequest, which cannot be part of the handshake: to be refused inside TLS.
  bool stuffed() const { return stuffed_; }
  bool encrypted() const { return encrypted_; }

  // The first packet that is not an encryption request, as received.
  protocol::Bytes packet() const { return packet_.packet; }
  const protocol::FirstPacket& first_packet() const { return packet_; }
  // What came behind the startup packet (a client that does not wait); belongs to the session.
  protocol::Bytes rest() const { return protocol::Bytes(buffered_).subspan(packet_.packet.size()); }
  // Forgets the bytes, in memory too: a client that does not wait has sent its password.
  void wipe();
  bool anything_received() const { return anything_received_; }
  std::uint32_t request_code() const { return packet_.code; }

 private:
  std::vector<std::byte> buffered_;
  protocol::FirstPacket packet_{};
  bool anything_received_ = false;
  bool offers_tls_;
  bool encrypted_ = false;
  bool stuffed_ = false;
  bool ssl_refused_ = false;
  bool gss_refused_ = false;
};

}  // namespace parallax::proxy
