#include "proxy/scram_client.h"

#include <gsasl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <new>
#include <vector>

namespace parallax::proxy {
namespace {

constexpr std::size_t kHashBytes = 32;  // SHA-256
// 4096 is PostgreSQL's default. The loop waits for the computation, so a server cannot ask for
// minutes of it.
constexpr int kIterationsMax = 200'000;

struct FreeByGsasl {
  void operator()(char* text) const { gsasl_free(text); }
};
using GsaslText = std::unique_ptr<char, FreeByGsasl>;

// SASLprep (RFC 4013). Printable ASCII stays as it is; a password that cannot be prepared is used
// as it is, as PostgreSQL does (scram-common.c).
std::string prepared(const std::string& password) {
  const bool plain = std::ranges::all_of(password, [](char c) { return c >= ' ' && c <= '~'; });
  if (plain) return password;  // and leaves no copies inside the library
  char* out = nullptr;
  if (gsasl_saslprep(password.c_str(), GSASL_ALLOW_UNASSIGNED, &out, nullptr) != GSASL_OK) {
    return password;
  }
  const GsaslText owned(out);
  std::string result(out);
  OPENSSL_cleanse(out, result.size());
  if (result.empty()) return password;
  return result;
}

void append_hex(std::string& out, unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.push_back(kDigits[byte >> 4U]);
  out.push_back(kDigits[byte & 15U]);
}

void cleanse(std::string& text) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

}  // namespace

ScramClient::ScramClient(std::string_view password) : password_(password) {
  if (gsasl_init(&library_) != GSASL_OK) throw std::bad_alloc();
  gsasl_callback_set(library_, [](Gsasl* library, Gsasl_session* session, Gsasl_property property) {
    return give_property(library, session, static_cast<int>(property));
  });
  if (gsasl_client_start(library_, std::string(kMechanism).c_str(), &session_) != GSASL_OK) {
    error_ = "libgsasl does not know SCRAM-SHA-256";
    return;
  }
  gsasl_session_hook_set(session_, this);
}

ScramClient::~ScramClient() {
  wipe();
  if (session_ != nullptr) {
    // The library frees it as it is, and it is as good as the password.
    if (const char* salted = gsasl_property_fast(session_, GSASL_SCRAM_SALTED_PASSWORD)) {
      OPENSSL_cleanse(const_cast<char*>(salted), std::string_view(salted).size());
    }
    gsasl_finish(session_);
  }
  gsasl_done(library_);
}

void ScramClient::wipe() { cleanse(password_); }

int ScramClient::give_property(Gsasl*, Gsasl_session* session, int property) {
  switch (property) {
    case GSASL_AUTHID:
      // The name in the startup packet counts; the server ignores this one (and libgsasl wants
      // one).
      return gsasl_property_set(session, GSASL_AUTHID, "user");
    case GSASL_SCRAM_SALTED_PASSWORD:
      return static_cast<ScramClient*>(gsasl_session_hook_get(session))
          ->give_salted_password(session);
    default:
      return GSASL_NO_CALLBACK;
  }
}

// Hi(password, salt, iterations) of RFC 5802. Done here so that libgsasl never holds the password,
// which it would not wipe.
int ScramClient::give_salted_password(Gsasl_session* session) {
  const char* salt = gsasl_property_fast(session, GSASL_SCRAM_SALT);
  const char* count = gsasl_property_fast(session, GSASL_SCRAM_ITER);
  if (salt == nullptr || count == nullptr) return GSASL_NO_CALLBACK;
  int iterations = 0;
  const std::string_view digits(count);
  std::from_chars(digits.data(), digits.data() + digits.size(), iterations);
  char* decoded = nullptr;
  std::size_t salt_bytes = 0;
  if (iterations > kIterationsMax) {
    error_ = "the server asks for " + std::to_string(iterations) + " iterations, more than " +
             std::to_string(kIterationsMax);
    return GSASL_MECHANISM_PARSE_ERROR;
  }
  if (iterations < 1 ||
      gsasl_base64_from(salt, std::string_view(salt).size(), &decoded, &salt_bytes) != GSASL_OK) {
    return GSASL_MECHANISM_PARSE_ERROR;
  }
  const GsaslText owned(decoded);
  std::string secret = prepared(password_);
  wipe();
  std::array<unsigned char, kHashBytes> salted{};
  PKCS5_PBKDF2_HMAC(secret.data(), static_cast<int>(secret.size()),
                    reinterpret_cast<const unsigned char*>(decoded), static_cast<int>(salt_bytes),
                    iterations, EVP_sha256(), static_cast<int>(salted.size()), salted.data());
  cleanse(secret);
  std::string hex;
  for (const unsigned char byte : salted) append_hex(hex, byte);
  OPENSSL_cleanse(salted.data(), salted.size());
  const int status = gsasl_property_set(session, GSASL_SCRAM_SALTED_PASSWORD, hex.c_str());
  cleanse(hex);
  return status;
}

std::optional<std::string> ScramClient::step(std::string_view from_server) {
  if (!error_.empty()) return std::nullopt;
  char* out = nullptr;
  std::size_t length = 0;
  const int status = gsasl_step(session_, from_server.data(), from_server.size(), &out, &length);
  const GsaslText owned(out);
  if (status != GSASL_OK && status != GSASL_NEEDS_MORE) {
    const char* reason = gsasl_strerror(status);
    if (error_.empty()) error_ = reason == nullptr ? "SCRAM failed" : reason;
    return std::nullopt;
  }
  done_ = status == GSASL_OK;
  return std::string(out == nullptr ? "" : out, length);
}

}  // namespace parallax::proxy
