#include "proxy/handshake.h"

#include <cstring>
#include <utility>

namespace parallax::proxy {

namespace {

// The first byte of a TLS connection (RFC 8446, section 5.1). As the first byte of a length it
// would be one of 369 million bytes.
constexpr std::byte kTlsHandshakeRecord{0x16};

}  // namespace

void Handshake::wipe() {
  if (!buffered_.empty()) explicit_bzero(buffered_.data(), buffered_.size());
  buffered_ = {};
  packet_.packet = {};
}

Handshake::Order Handshake::feed(protocol::Bytes chunk) {
  const bool first = !std::exchange(anything_received_, anything_received_ || !chunk.empty());
  if (first && offers_tls_ && !chunk.empty() && chunk.front() == kTlsHandshakeRecord) {
    encrypted_ = true;
    return Order::encrypt_directly;
  }
  // At most one slab more than the largest packet is ever buffered: the session reads nothing while
  // it connects.
  buffered_.insert(buffered_.end(), chunk.begin(), chunk.end());
  switch (protocol::read_first_packet(buffered_, packet_)) {
    case protocol::FirstPacketError::need_more:
      return Order::wait;
    case protocol::FirstPacketError::bad_length:
      return Order::close;
    case protocol::FirstPacketError::none:
      break;
  }
  switch (packet_.kind) {
    case protocol::FirstPacketKind::startup:
      return Order::start;
    case protocol::FirstPacketKind::cancel_request:
      return Order::cancel;
    case protocol::FirstPacketKind::ssl_request:
      if (encrypted_ || std::exchange(ssl_refused_, true)) return Order::repeated;
      if (!offers_tls_) break;
      encrypted_ = true;
      stuffed_ = buffered_.size() > packet_.packet.size();
      buffered_.clear();
      return Order::encrypt;
    case protocol::FirstPacketKind::gssenc_request:
      if (encrypted_ || std::exchange(gss_refused_, true)) return Order::repeated;
      break;
  }
  if (buffered_.size() > packet_.packet.size()) return Order::stuffed;
  buffered_.clear();
  return Order::answer_no;
}

}  // namespace parallax::proxy
