#pragma once

// Certificates, keys and policy of one TLS leg: made once, then shared read-only by all its
// connections (OpenSSL counts references to an SSL_CTX atomically).

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

namespace parallax::io {

struct TlsServerOptions {
  // PEM files: the certificate with its chain, and its key. Both empty: a certificate of its own
  // for localhost, 127.0.0.1 and ::1, made at each start.
  std::string certificate_file = {};
  std::string key_file = {};
};

// What libpq calls sslmode; the server is told the name by SNI in any case.
enum class TlsVerify {
  none,        // encrypted only
  authority,   // verify-ca: signed by a known authority
  certificate  // verify-full: and made out to the name that was dialled
};

struct TlsClientOptions {
  TlsVerify verify = TlsVerify::certificate;
  std::string host = {};  // a name, or a numeric address (then no SNI: RFC 6066, section 3)
  std::string authority_file = {};    // PEM; empty: the system's authorities
  std::string certificate_file = {};  // of our own, where the server asks for one; PEM
  std::string key_file = {};
};

class TlsContext {
 public:
  using Made = std::variant<std::shared_ptr<const TlsContext>, std::string>;  // or what is wrong
  // Accepts TLS 1.2 and later, no tickets, no session cache, no renegotiation (as PostgreSQL's
  // be-secure-openssl.c), and of application protocols `postgresql` alone (ALPN, RFC 7301).
  static Made server(const TlsServerOptions& options);
  static Made client(TlsClientOptions options);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // End of the own certificate, in seconds since the Unix epoch; 0 when there is none.
  std::int64_t expires_at() const { return expires_at_; }

 private:
  friend class TlsEngine;
  explicit TlsContext(SSL_CTX* context) : context_(context) {}

  SSL_CTX* context_;
  TlsClientOptions client_;
  std::int64_t expires_at_ = 0;
};

// The oldest error of this thread's OpenSSL queue in words, and the queue emptied.
std::string take_tls_error();

}  // namespace parallax::io
