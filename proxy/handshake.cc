#include "proxy/handshake.h"

#include <utility>

namespace parallax::proxy {

Handshake::Order Handshake::feed(protocol::Bytes chunk) {
  anything_received_ = anything_received_ || !chunk.empty();
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
      if (std::exchange(ssl_refused_, true)) return Order::repeated;
      break;
    case protocol::FirstPacketKind::gssenc_request:
      if (std::exchange(gss_refused_, true)) return Order::repeated;
      break;
  }
  if (buffered_.size() > packet_.packet.size()) return Order::stuffed;
  buffered_.clear();
  return Order::answer_no;
}

}  // namespace parallax::proxy
