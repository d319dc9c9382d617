#pragma once

// One TLS connection without its I/O: ciphertext and plaintext go in and out as spans, so that two
// engines can be tested back to back and any transport can carry them.

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "proxy/io/byte_stream.h"
#include "proxy/io/tls_context.h"

namespace parallax::io {

// Largest plaintext of a record (RFC 8446, section 5.1): what one read() can give.
inline constexpr std::size_t kTlsRecordBytes = 16'384;

class TlsEngine {
 public:
  // Ciphertext that has to be sent is appended, also by calls that fail (an alert).
  using Output = std::vector<std::byte>;
  enum class Status {
    done,
    needs_input,  // everything given was used, and more must come
    ended,        // the peer has ended its side (close_notify)
    failed        // error() says why; nothing more can be done
  };

  static TlsEngine server(std::shared_ptr<const TlsContext> context);
  // Tells the server the name by SNI and checks its certificate as the context says.
  static TlsEngine client(std::shared_ptr<const TlsContext> context);
  TlsEngine(TlsEngine&& other) noexcept;
  ~TlsEngine();
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;
  TlsEngine& operator=(TlsEngine&&) = delete;

  // Each call takes what it needs from the front of `input` and shortens it. A record that has come
  // in part is kept inside.
  Status handshake(Bytes& input, Output& output);
  // The plaintext of at most one record into `into` (kTlsRecordBytes); `count` is 0 unless `done`.
  Status read(Bytes& input, Output& output, std::span<std::byte> into, std::size_t& count);
  // Everything is taken. False when the connection has failed.
  bool write(Bytes plaintext, Output& output);
  // close_notify.
  void shutdown(Output& output);

  const std::string& error() const { return error_; }
  // ALPN has agreed on `postgresql`.
  bool protocol_agreed() const;
  // "TLSv1.3", for logs.
  const char* version() const { return SSL_get_version(ssl_); }

 private:
  struct Transport;  // what the BIO reads from and writes to during a call
  TlsEngine(std::shared_ptr<const TlsContext> context, bool server);
  Status outcome(int result);
  void fail();

  std::shared_ptr<const TlsContext> context_;
  std::unique_ptr<Transport> transport_;
  SSL* ssl_ = nullptr;
  std::string error_;
};

}  // namespace parallax::io
