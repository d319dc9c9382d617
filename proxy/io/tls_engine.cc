#include "proxy/io/tls_engine.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace parallax::io {

struct TlsEngine::Transport {
  Bytes* input = nullptr;
  Output* output = nullptr;

  static BIO_METHOD* method();
  static Transport& of(BIO* bio) { return *static_cast<Transport*>(BIO_get_data(bio)); }
  static int read(BIO* bio, char* into, int size);
  static int write(BIO* bio, const char* from, int size);
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
};

// OpenSSL reads a record's header, then its body: nothing is taken that is not used, so what is
// left over stays ciphertext.
int TlsEngine::Transport::read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  Transport& transport = of(bio);
  if (transport.input == nullptr || transport.input->empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const auto count = std::min(static_cast<std::size_t>(size), transport.input->size());
  std::memcpy(into, transport.input->data(), count);
  *transport.input = transport.input->subspan(count);
  return static_cast<int>(count);
}

int TlsEngine::Transport::write(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  Transport& transport = of(bio);
  if (transport.output == nullptr) return -1;
  const auto* bytes = reinterpret_cast<const std::byte*>(from);
  transport.output->insert(transport.output->end(), bytes, bytes + size);
  return size;
}

BIO_METHOD* TlsEngine::Transport::method() {
  static BIO_METHOD* const made_once = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "parallax spans");
    BIO_meth_set_read(made, read);
    BIO_meth_set_write(made, write);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return made_once;
}

namespace {

// Sets what the BIO works on for one call.
template <typename Transport>
class Lent {
 public:
  Lent(Transport& transport, Bytes* input, TlsEngine::Output* output) : transport_(transport) {
    transport.input = input;
    transport.output = output;
    // An error that another connection left behind would be taken for one of this call.
    ERR_clear_error();
  }
  ~Lent() { transport_ = {}; }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

 private:
  Transport& transport_;
};

bool is_numeric_address(const std::string& host) {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), buffer) == 1 ||
         inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

void expect_server(SSL* ssl, const TlsClientOptions& options) {
  const bool numeric = is_numeric_address(options.host);
  if (!numeric) SSL_set_tlsext_host_name(ssl, options.host.c_str());
  if (options.verify != TlsVerify::certificate) return;
  if (numeric) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), options.host.c_str());
  } else {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl, options.host.c_str());
  }
}

}  // namespace

TlsEngine TlsEngine::server(std::shared_ptr<const TlsContext> context) {
  return {std::move(context), true};
}

TlsEngine TlsEngine::client(std::shared_ptr<const TlsContext> context) {
  return {std::move(context), false};
}

TlsEngine::TlsEngine(std::shared_ptr<const TlsContext> context, bool server)
    : context_(std::move(context)),
      transport_(std::make_unique<Transport>()),
      ssl_(SSL_new(context_->context_)) {
  BIO* bio = BIO_new(Transport::method());
  if (ssl_ == nullptr || bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, transport_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  if (server) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
    expect_server(ssl_, context_->client_);
  }
}

TlsEngine::TlsEngine(TlsEngine&& other) noexcept
    : context_(std::move(other.context_)),
      transport_(std::move(other.transport_)),
      ssl_(std::exchange(other.ssl_, nullptr)),
      error_(std::move(other.error_)) {}

TlsEngine::~TlsEngine() { SSL_free(ssl_); }

TlsEngine::Status TlsEngine::handshake(Bytes& input, Output& output) {
  const Lent lent(*transport_, &input, &output);
  return outcome(SSL_do_handshake(ssl_));
}

TlsEngine::Status TlsEngine::read(Bytes& input, Output& output, std::span<std::byte> into,
                                  std::size_t& count) {
  const Lent lent(*transport_, &input, &output);
  count = 0;
  return outcome(SSL_read_ex(ssl_, into.data(), into.size(), &count));
}

bool TlsEngine::write(Bytes plaintext, Output& output) {
  if (!error_.empty()) return false;
  const Lent lent(*transport_, nullptr, &output);
  while (!plaintext.empty()) {
    std::size_t taken = 0;
    if (outcome(SSL_write_ex(ssl_, plaintext.data(), plaintext.size(), &taken)) != Status::done) {
      if (error_.empty()) error_ = "TLS could not take what was written";
      return false;
    }
    plaintext = plaintext.subspan(taken);
  }
  return true;
}

void TlsEngine::shutdown(Output& output) {
  if (!error_.empty() || !SSL_is_init_finished(ssl_)) return;
  const Lent lent(*transport_, nullptr, &output);
  SSL_shutdown(ssl_);
}

bool TlsEngine::protocol_agreed() const {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl_, &name, &length);
  return length > 0;
}

TlsEngine::Status TlsEngine::outcome(int result) {
  if (!error_.empty()) return Status::failed;
  if (result == 1) return Status::done;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return Status::needs_input;
    case SSL_ERROR_ZERO_RETURN:
      return Status::ended;
    default:
      fail();
      return Status::failed;
  }
}

void TlsEngine::fail() {
  const long verified = SSL_get_verify_result(ssl_);
  error_ = take_tls_error();
  if (verified != X509_V_OK) {
    error_ += std::string(" (") + X509_verify_cert_error_string(verified) + ")";
  }
}

}  // namespace parallax::io
