#pragma once

// One direction of a session: what is read from `source` is written to `sink`, chunk by chunk. When
// the sink's queue is above the high-water mark the source is paused until the queue is low again.
// The two directions of a session know nothing of each other, so neither can wait for the other.

#include "proxy/io/byte_stream.h"

namespace parallax::proxy {

class HalfPipe {
 public:
  HalfPipe(io::ByteStream& source, io::ByteStream& sink) : source_(source), sink_(sink) {}

  void forward(io::Bytes chunk) {
    sink_.write(chunk);
    if (sink_.queued_bytes() > io::kHighWaterBytes) pause();
  }
  void sink_drained() {
    if (!paused_) return;
    paused_ = false;
    source_.resume_reading();
  }
  // The source has ended: so does the sink, after all that is queued.
  void end() { sink_.finish_writing(); }
  bool paused() const { return paused_; }

 private:
  void pause() {
    if (paused_) return;
    paused_ = true;
    source_.pause_reading();
  }

  io::ByteStream& source_;
  io::ByteStream& sink_;
  bool paused_ = false;
};

}  // namespace parallax::proxy
