#pragma once

// Cuts a stream of messages at their ends, without looking at the bodies or keeping them.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "protocol/bytes.h"

namespace parallax::protocol {

class MessagePieces {
 public:
  // A part of one message, as long as the chunk has it.
  struct Piece {
    Bytes bytes;
    char type = 0;
    bool begins = false;  // its first byte is the message's
    bool ends = false;    // its last byte is the message's
  };

  // The next piece of a chunk that is not empty; takes it off the chunk. The header counts: 5 bytes
  // (PostgreSQL manual, "Message Formats"). A length that cannot be is read as that of an empty
  // body: the conversation over the same bytes is lost then.
  Piece next(Bytes& chunk) {
    Piece piece;
    piece.begins = at_boundary();
    std::size_t taken = 0;
    while (header_ < kHeaderBytes && taken < chunk.size()) {
      const auto byte = static_cast<std::uint8_t>(chunk[taken++]);
      if (header_++ == 0) {
        type_ = static_cast<char>(byte);
        left_ = 0;
      } else {
        left_ = (left_ << 8) | byte;
      }
      if (header_ == kHeaderBytes) left_ = left_ < kLengthBytes ? 0 : left_ - kLengthBytes;
    }
    if (header_ == kHeaderBytes) {
      const std::size_t body = std::min<std::size_t>(left_, chunk.size() - taken);
      taken += body;
      left_ -= static_cast<std::uint32_t>(body);
      piece.ends = left_ == 0;
      if (piece.ends) header_ = 0;
    }
    piece.type = type_;
    piece.bytes = chunk.first(taken);
    chunk = chunk.subspan(taken);
    return piece;
  }

  bool at_boundary() const { return header_ == 0; }

 private:
  static constexpr std::size_t kHeaderBytes = 5;
  static constexpr std::uint32_t kLengthBytes = 4;

  std::size_t header_ = 0;  // bytes of it that have been seen
  char type_ = 0;
  std::uint32_t left_ = 0;  // of the body
};

}  // namespace parallax::protocol
