#pragma once

// TLS over another stream. Each record that the peer sent is one on_bytes(), each write() one write
// of the transport, so chunking is kept as without TLS.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/io/byte_stream.h"
#include "proxy/io/tls_engine.h"

namespace parallax::io {

class TlsStream final : public ByteStream, private StreamListener {
 public:
  // Runs a task from the loop, after the running callback has returned.
  using Later = std::function<void(std::function<void()>)>;

  // Takes over `transport`, a connected stream.
  TlsStream(std::unique_ptr<ByteStream> transport, TlsEngine engine, Later later);
  ~TlsStream() override;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Call once, before anything else. `early` is ciphertext that has been read already. `done` comes
  // once, perhaps during the call, with what went wrong or an empty text; it may destroy the
  // stream. Reading is paused afterwards.
  void handshake(Bytes early, std::function<void(const std::string& error)> done);
  const TlsEngine& engine() const { return engine_; }

  void set_listener(StreamListener* listener) override { listener_ = listener; }
  void write(Bytes chunk) override;
  // Ciphertext, a little more than was written.
  std::size_t queued_bytes() const override { return transport_->queued_bytes(); }
  std::size_t unsent_bytes() const override { return transport_->unsent_bytes(); }
  void resume_reading() override;
  void pause_reading() override;
  void finish_writing() override;

 private:
  void on_bytes(Bytes chunk) override;
  void on_end() override;
  void on_broken(const std::string& what) override;
  void on_drained() override;

  void process(Bytes chunk);
  void process_handshake(Bytes& rest);
  void process_record(Bytes& rest);
  void process_held();
  void send(std::vector<std::byte>& output);
  void end_handshake(const std::string& error);

  std::unique_ptr<ByteStream> transport_;
  TlsEngine engine_;
  Later later_;
  StreamListener* listener_ = nullptr;
  std::function<void(const std::string&)> handshake_done_;
  std::vector<std::byte> held_;  // ciphertext that came while reading was paused
  bool reading_ = false;
  bool ended_ = false;       // the peer's end or a failure has been told
  bool processing_ = false;  // a call of process() is running
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace parallax::io
