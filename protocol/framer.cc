#include "protocol/framer.h"

#include <algorithm>

namespace parallax::protocol {
namespace {

// All types of protocol 3 are ASCII letters or digits.
bool is_type(std::byte byte) {
  const auto c = static_cast<unsigned char>(byte);
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

}  // namespace

bool Framer::feed(Bytes chunk, FramerVisitor& visitor) {
  while (!chunk.empty() && state_ != State::lost) {
    if (state_ == State::header) {
      take_header(chunk, visitor);
    } else {
      take_body(chunk, visitor);
    }
  }
  return state_ != State::lost;
}

void Framer::take_header(Bytes& chunk, FramerVisitor& visitor) {
  const std::size_t taken = std::min(sizeof(header_) - header_size_, chunk.size());
  std::memcpy(header_ + header_size_, chunk.data(), taken);
  header_size_ += taken;
  chunk = chunk.subspan(taken);
  if (!is_type(header_[0])) {
    state_ = State::lost;
    return;
  }
  if (header_size_ < sizeof(header_)) return;

  const std::uint32_t length = ByteReader(Bytes(header_).subspan(1)).u32().value_or(0);
  if (length < sizeof(length) || length > kLengthMax) {
    state_ = State::lost;
    return;
  }
  type_ = static_cast<char>(header_[0]);
  body_length_ = length - static_cast<std::uint32_t>(sizeof(length));
  body_seen_ = 0;
  wanted_ = std::min<std::size_t>(visitor.wanted(type_, body_length_), body_length_);
  header_size_ = 0;
  state_ = State::body;
  if (body_length_ == 0) deliver({}, visitor);
}

void Framer::take_body(Bytes& chunk, FramerVisitor& visitor) {
  const std::size_t missing = body_length_ - body_seen_;
  const std::size_t taken = std::min(missing, chunk.size());
  const Bytes piece = chunk.first(taken);
  chunk = chunk.subspan(taken);
  if (taken == body_length_) {  // all of it is in this chunk
    deliver(piece.first(wanted_), visitor);
    return;
  }
  if (scratch_.size() < wanted_) {
    const Bytes kept = piece.first(std::min(taken, wanted_ - scratch_.size()));
    scratch_.insert(scratch_.end(), kept.begin(), kept.end());
  }
  body_seen_ += static_cast<std::uint32_t>(taken);
  if (taken == missing) deliver(scratch_, visitor);
}

void Framer::deliver(Bytes body, FramerVisitor& visitor) {
  state_ = State::header;  // first, so that the visitor finds the framer at a boundary
  visitor.message({type_, body_length_, body});
  scratch_.clear();
  if (scratch_.capacity() > kScratchKept) std::vector<std::byte>().swap(scratch_);
}

}  // namespace parallax::protocol
