#pragma once

// Splits one direction of an established connection into messages while the bytes stream past.
//
// Header: one type byte and a 32-bit length that counts itself but not the type byte (PostgreSQL
// manual, "Message Formats"). Bodies are not kept: the visitor says how many bytes of each body it
// wants to see. When the message lies within one chunk, they are handed over in place; otherwise
// they are assembled in one buffer that is used again and again. So a message of 1 GB passes with
// constant memory, and nothing is allocated per message.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/bytes.h"

namespace parallax::protocol {

struct Message {
  char type;                  // the letter; its meaning depends on the direction
  std::uint32_t body_length;  // bytes of the whole body
  Bytes body;                 // the wanted prefix; the whole body when whole()
  bool whole() const { return body.size() == body_length; }
};

class FramerVisitor {
 public:
  virtual ~FramerVisitor() = default;
  // Bytes of the body to hand over with message(); asked once for each message, when its header is
  // complete.
  virtual std::size_t wanted(char type, std::uint32_t body_length) = 0;
  // Called when the last byte of the message has passed, in order.
  virtual void message(const Message& message) = 0;
};

class Framer {
 public:
  // Largest length that is believed. The server refuses more than 1 GiB (PQ_LARGE_MESSAGE_LIMIT);
  // rows come near it.
  static constexpr std::uint32_t kLengthMax = 0x7fffffff;
  // Largest assembly buffer kept from one message to the next; what one large message needed beyond
  // it is given back.
  static constexpr std::size_t kScratchKept = std::size_t{64} * 1024;

  // Returns false, and goes on returning false, once the bytes cannot be messages (a length below 4
  // or above the maximum, a type byte that is no letter or digit). The caller goes on forwarding
  // and stops interpreting.
  bool feed(Bytes chunk, FramerVisitor& visitor);

  // True between two messages: nothing of a message has been seen yet.
  bool at_boundary() const { return state_ == State::header && header_size_ == 0; }
  bool lost() const { return state_ == State::lost; }

 private:
  enum class State { header, body, lost };

  void take_header(Bytes& chunk, FramerVisitor& visitor);
  void take_body(Bytes& chunk, FramerVisitor& visitor);
  void deliver(Bytes body, FramerVisitor& visitor);

  State state_ = State::header;
  std::byte header_[5] = {};
  std::size_t header_size_ = 0;
  char type_ = 0;
  std::uint32_t body_length_ = 0;
  std::uint32_t body_seen_ = 0;
  std::size_t wanted_ = 0;
  std::vector<std::byte> scratch_;
};

}  // namespace parallax::protocol
