#pragma once

// A connection that carries bytes. Sessions know only this, so the same session runs over TCP, over
// TLS (a decorator of another stream) and over memory in tests.

#include <cstddef>
#include <span>
#include <string>

namespace parallax::io {

using Bytes = std::span<const std::byte>;

// Called on the loop's thread. Any of these may close or destroy the stream.
class StreamListener {
 public:
  virtual ~StreamListener() = default;
  // The bytes are valid only during the call. One call for each read from the transport.
  virtual void on_bytes(Bytes chunk) = 0;
  // The peer sends no more (clean end).
  virtual void on_end() = 0;
  // The connection is broken; nothing more will be read or written. `what` is for logs.
  virtual void on_broken(const std::string& what) = 0;
  // queued_bytes() has fallen to the low-water mark or below after having been above it.
  virtual void on_drained() = 0;
};

class ByteStream {
 public:
  virtual ~ByteStream() = default;  // closes at once; no listener call follows

  virtual void set_listener(StreamListener* listener) = 0;

  // Takes the bytes in order. Tries to hand them to the transport at once, as one write; copies and
  // queues what is left. Separate calls are never merged into one write.
  virtual void write(Bytes chunk) = 0;
  // What is held of writes that the transport has not taken yet: their bytes, and what each write
  // costs beside them. Zero when all is taken.
  virtual std::size_t queued_bytes() const = 0;
  // Of these, what the peer has not been sent yet: it falls as the peer takes something.
  virtual std::size_t unsent_bytes() const { return queued_bytes(); }

  // Starts paused.
  virtual void resume_reading() = 0;
  virtual void pause_reading() = 0;

  // No more writes follow; the peer sees the end after all that was queued.
  virtual void finish_writing() = 0;
};

// Water marks of one direction: above `high` the source is paused, at `low` it goes on.
inline constexpr std::size_t kHighWaterBytes = std::size_t{256} * 1024;
inline constexpr std::size_t kLowWaterBytes = std::size_t{64} * 1024;
static_assert(kLowWaterBytes * 2 <= kHighWaterBytes, "hysteresis");

}  // namespace parallax::io
