#pragma once

// ByteStream over a connected socket (TCP or Unix).

#include <cstddef>
#include <memory>

#include "proxy/io/byte_stream.h"
#include "proxy/io/handle.h"
#include "proxy/io/loop.h"

namespace parallax::io {

class TcpStream final : public ByteStream {
 public:
  // Takes over `fd`, a connected stream socket, also when it fails: then the first event is
  // on_broken(). TCP_NODELAY is set (a proxy must not add Nagle's delay), and keepalive, so that a
  // peer that is gone is noticed; no other time limit: idle sessions may live for days.
  TcpStream(Loop& loop, int fd);
  ~TcpStream() override;
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  void set_listener(StreamListener* listener) override { listener_ = listener; }
  void write(Bytes chunk) override;
  std::size_t queued_bytes() const override { return queued_bytes_; }
  std::size_t unsent_bytes() const override;
  void resume_reading() override;
  void pause_reading() override;
  void finish_writing() override;

 private:
  struct WriteRequest;
  using Block = HandleBlock<uv_tcp_t, TcpStream>;

  uv_stream_t* stream() const { return reinterpret_cast<uv_stream_t*>(block_->get()); }
  void read_done(ssize_t count, const uv_buf_t* buffer);
  void write_done(std::size_t cost, int status);
  void broken(int status);

  Loop& loop_;
  Block* block_ = nullptr;
  StreamListener* listener_ = nullptr;
  std::size_t queued_bytes_ = 0;
  bool above_low_water_ = false;
  bool broken_ = false;
  bool write_failed_ = false;
  bool reading_ = false;
  bool ended_ = false;           // the peer's end was seen
  bool finished_ = false;        // finish_writing() was called
  std::shared_ptr<bool> alive_;  // of a stream that could not be opened: it tells so later
};

}  // namespace parallax::io
