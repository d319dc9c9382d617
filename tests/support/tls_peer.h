#pragma once

// The other side of a TLS connection in tests: OpenSSL over memory BIOs, with the knobs that the
// engine does not have (ALPN lists, old versions, key updates), and certificates made on the spot.

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace parallax::test {

// A directory with a PEM certificate and its key, signed by itself; removed at the end.
class CertificateFiles {
 public:
  // `names` as in a subjectAltName: "DNS:db.example,IP:127.0.0.1".
  explicit CertificateFiles(const std::string& names) {
    if (mkdtemp(directory_.data()) == nullptr) throw std::runtime_error("mkdtemp");
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
    X509_set_pubkey(made.get(), key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
    for (const auto& [id, value] :
         {std::pair<int, const char*>{NID_subject_alt_name, names.c_str()},
          {NID_basic_constraints, "critical,CA:TRUE"}}) {
      X509V3_CTX scope;
      X509V3_set_ctx(&scope, made.get(), made.get(), nullptr, nullptr, 0);
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &scope, id, value);
      X509_add_ext(made.get(), extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(made.get(), key.get(), EVP_sha256());
    std::unique_ptr<FILE, decltype(&std::fclose)> file(std::fopen(certificate().c_str(), "w"),
                                                       std::fclose);
    PEM_write_X509(file.get(), made.get());
    file.reset(std::fopen(key_file().c_str(), "w"));
    PEM_write_PrivateKey(file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    file.reset();
    ::chmod(key_file().c_str(), 0600);
  }
  ~CertificateFiles() {
    ::unlink(certificate().c_str());
    ::unlink(key_file().c_str());
    ::rmdir(directory_.c_str());
  }
  CertificateFiles(const CertificateFiles&) = delete;
  CertificateFiles& operator=(const CertificateFiles&) = delete;

  std::string certificate() const { return directory_ + "/server.crt"; }
  std::string key_file() const { return directory_ + "/server.key"; }

 private:
  std::string directory_ = "/tmp/parallax-tls-XXXXXX";
};

class TlsPeer {
 public:
  enum class Role { client, server };
  // A server shows the certificate of `files`.
  explicit TlsPeer(Role role, const CertificateFiles* files = nullptr)
      : context_(SSL_CTX_new(TLS_method()), SSL_CTX_free) {
    if (files != nullptr) {
      SSL_CTX_use_certificate_file(context_.get(), files->certificate().c_str(), SSL_FILETYPE_PEM);
      SSL_CTX_use_PrivateKey_file(context_.get(), files->key_file().c_str(), SSL_FILETYPE_PEM);
    }
    ssl_ = SSL_new(context_.get());
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    role == Role::client ? SSL_set_connect_state(ssl_) : SSL_set_accept_state(ssl_);
  }
  ~TlsPeer() { SSL_free(ssl_); }
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  SSL* ssl() { return ssl_; }
  // One protocol, as a client offers it.
  void offer_protocol(std::string_view name) {
    std::string list(1, static_cast<char>(name.size()));
    list += name;
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(list.data()),
                        static_cast<unsigned>(list.size()));
  }

  // Ciphertext from the other side; what it decrypts to is appended to `received`.
  void feed(std::string_view ciphertext) {
    BIO_write(SSL_get_rbio(ssl_), ciphertext.data(), static_cast<int>(ciphertext.size()));
    step();
  }
  void step() {
    ERR_clear_error();
    if (!SSL_is_init_finished(ssl_)) SSL_do_handshake(ssl_);
    if (!SSL_is_init_finished(ssl_)) {
      failed = failed || ERR_peek_error() != 0;
      return;
    }
    char buffer[16384];
    for (;;) {
      ERR_clear_error();
      const int count = SSL_read(ssl_, buffer, sizeof buffer);
      if (count > 0) {
        received.append(buffer, static_cast<std::size_t>(count));
        continue;
      }
      const int error = SSL_get_error(ssl_, count);
      ended = ended || error == SSL_ERROR_ZERO_RETURN;
      failed = failed || error == SSL_ERROR_SSL;
      break;
    }
    ERR_clear_error();
  }
  // Ciphertext for the other side.
  std::string take() {
    std::string out(BIO_ctrl_pending(SSL_get_wbio(ssl_)), '\0');
    if (!out.empty()) BIO_read(SSL_get_wbio(ssl_), out.data(), static_cast<int>(out.size()));
    return out;
  }
  // One record for each call, up to 16 KiB.
  void write(std::string_view plaintext) {
    SSL_write(ssl_, plaintext.data(), static_cast<int>(plaintext.size()));
  }
  bool established() const { return SSL_is_init_finished(ssl_) != 0; }

  std::string received;
  bool ended = false;   // close_notify
  bool failed = false;  // an alert, or nonsense

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  SSL* ssl_ = nullptr;
};

}  // namespace parallax::test
