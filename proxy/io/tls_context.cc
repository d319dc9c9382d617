#include "proxy/io/tls_context.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <system_error>
#include <utility>

namespace parallax::io {
namespace {

// ALPN's list form: a length, then the name.
constexpr unsigned char kPostgresqlProtocol[] = "\x0apostgresql";
constexpr unsigned kPostgresqlProtocolBytes = sizeof kPostgresqlProtocol - 1;
constexpr int kYearSeconds = 365 * 24 * 3600;

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;

// A client that names protocols and not ours is refused with no_application_protocol: it may be
// another protocol's client that was led here (the ALPACA attack).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_length,
                    const unsigned char* offered, unsigned offered_length, void*) {
  const int result =
      SSL_select_next_proto(const_cast<unsigned char**>(chosen), chosen_length, kPostgresqlProtocol,
                            kPostgresqlProtocolBytes, offered, offered_length);
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// An encrypted key cannot be read: nobody is there to type the password.
int no_password(char*, int, int, void*) { return 0; }

void set_common(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(context, no_password);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

// As PostgreSQL's check_ssl_key_file_permissions() about permissions: nobody else may read the key;
// a key of root may be readable by a group.
std::string key_file_problem(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};  // OpenSSL will say that it cannot be read
  const bool of_root = info.st_uid == 0;
  const mode_t forbidden = of_root ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
  if ((info.st_mode & forbidden) == 0) return {};
  return "the key " + path + " can be read by others: chmod 0600";
}

// Empty on success.
std::string load_certificate(SSL_CTX* context, const std::string& certificate,
                             const std::string& key) {
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return "cannot read the certificate " + certificate + ": " + take_tls_error();
  }
  if (auto problem = key_file_problem(key); !problem.empty()) return problem;
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    if (ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH) {
      ERR_clear_error();
      return "the key " + key + " does not belong to the certificate " + certificate;
    }
    return "cannot read the key " + key +
           " (an encrypted one is not possible): " + take_tls_error();
  }
  // OpenSSL takes a key of another kind (RSA, EC) beside the certificate, without a word.
  if (SSL_CTX_check_private_key(context) != 1) {
    return "the key " + key + " does not belong to the certificate " + certificate;
  }
  return {};
}

void add_extension(X509* certificate, int which, const char* value) {
  X509V3_CTX scope;
  X509V3_set_ctx_nodb(&scope);
  X509V3_set_ctx(&scope, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &scope, which, value);
  if (extension != nullptr) X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::string use_own_certificate(SSL_CTX* context) {
  const KeyPtr key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const CertificatePtr certificate(X509_new(), X509_free);
  if (key == nullptr || certificate == nullptr) return take_tls_error();
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), static_cast<long>(std::time(nullptr)));
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);  // clocks differ
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kYearSeconds);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  add_extension(certificate.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0 ||
      SSL_CTX_use_certificate(context, certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return "cannot make a certificate: " + take_tls_error();
  }
  return {};
}

std::int64_t end_of_certificate(const SSL_CTX* context) {
  const X509* certificate = SSL_CTX_get0_certificate(context);
  std::tm time{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) {
    return 0;
  }
  return timegm(&time);
}

std::string trust(SSL_CTX* context, const std::string& authority_file) {
  const bool system = authority_file.empty() || authority_file == "system";
  const int loaded = system ? SSL_CTX_set_default_verify_paths(context)
                            : SSL_CTX_load_verify_file(context, authority_file.c_str());
  if (loaded == 1) return {};
  return "cannot read the certificate authorities " + authority_file + ": " + take_tls_error();
}

}  // namespace

std::string take_tls_error() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown reason";
  if (ERR_SYSTEM_ERROR(code)) return std::system_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "error " + std::to_string(code) : reason;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

TlsContext::Made TlsContext::server(const TlsServerOptions& options) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_server_method())));
  SSL_CTX* context = made->context_;
  if (context == nullptr) return take_tls_error();
  set_common(context);
  // What was decrypted is wiped from OpenSSL's buffer: passwords come this way.
  SSL_CTX_set_options(
      context, SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_CLEANSE_PLAINTEXT);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  auto problem = options.certificate_file.empty()
                     ? use_own_certificate(context)
                     : load_certificate(context, options.certificate_file, options.key_file);
  if (!problem.empty()) return problem;
  made->expires_at_ = end_of_certificate(context);
  return made;
}

TlsContext::Made TlsContext::client(TlsClientOptions options) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_client_method())));
  SSL_CTX* context = made->context_;
  if (context == nullptr) return take_tls_error();
  set_common(context);
  std::string problem;
  if (options.verify != TlsVerify::none) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    problem = trust(context, options.authority_file);
  }
  if (problem.empty() && !options.certificate_file.empty()) {
    problem = load_certificate(context, options.certificate_file, options.key_file);
  }
  if (!problem.empty()) return problem;
  made->expires_at_ = end_of_certificate(context);
  made->client_ = std::move(options);
  return made;
}

}  // namespace parallax::io
