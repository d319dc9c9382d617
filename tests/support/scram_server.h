#pragma once

// The server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677) for tests, written from the RFCs with
// OpenSSL's HMAC and PBKDF2 alone: what the program's own half is held against.

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace parallax::test {

using Digest = std::array<unsigned char, 32>;

inline const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline std::string_view text_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

inline std::string base64(std::string_view data) {
  std::string out((data.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), octets(data),
                                     static_cast<int>(data.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}
// Empty when it is no base64.
inline std::string from_base64(std::string_view text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), octets(text),
                                     static_cast<int>(text.size()));
  std::size_t padding = 0;
  while (padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  out.resize(length < 0 ? 0 : static_cast<std::size_t>(length) - padding);
  return out;
}

inline Digest hmac(std::string_view key, std::string_view text) {
  Digest out{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), octets(text), text.size(),
       out.data(), &length);
  return out;
}
inline Digest sha256(std::string_view text) {
  Digest out{};
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), out.data(), &length, EVP_sha256(), nullptr);
  return out;
}

// The attribute `name` of a SCRAM message: "r" of "n,,n=u,r=abc" is "abc".
inline std::string scram_attribute(std::string_view message, char name) {
  while (!message.empty()) {
    const std::string_view one = message.substr(0, message.find(','));
    if (one.size() >= 2 && one[0] == name && one[1] == '=') return std::string(one.substr(2));
    message.remove_prefix(one.size() < message.size() ? one.size() + 1 : message.size());
  }
  return {};
}

class ScramServer {
 public:
  struct Secret {
    std::string password;  // prepared by SASLprep
    std::string salt = "0123456789abcdef";
    std::string iterations = "4096";
    std::string nonce = "3rfcNHYJY1ZVvWVs7j";  // the server's part
  };
  explicit ScramServer(Secret secret) : secret_(std::move(secret)) {}

  // From client-first-message to server-first-message.
  std::string first(std::string_view client_first) {
    const std::size_t bare = client_first.find(",,") + 2;
    gs2_header = client_first.substr(0, bare);
    client_first_bare_ = client_first.substr(bare);
    server_first_ = "r=" + scram_attribute(client_first_bare_, 'r') + secret_.nonce +
                    ",s=" + base64(secret_.salt) + ",i=" + secret_.iterations;
    return server_first_;
  }

  // From client-final-message to server-final-message; empty when the client has not proven that
  // it knows the password.
  std::string last(std::string_view client_final) const {
    const std::string_view without_proof = client_final.substr(0, client_final.find(",p="));
    if (scram_attribute(client_final, 'c') != base64(gs2_header) ||
        scram_attribute(client_final, 'r') != scram_attribute(server_first_, 'r')) {
      return {};
    }
    Digest salted{};
    PKCS5_PBKDF2_HMAC(secret_.password.data(), static_cast<int>(secret_.password.size()),
                      octets(secret_.salt), static_cast<int>(secret_.salt.size()),
                      std::stoi(secret_.iterations), EVP_sha256(), static_cast<int>(salted.size()),
                      salted.data());
    const std::string auth_message =
        client_first_bare_ + ',' + server_first_ + ',' + std::string(without_proof);
    const Digest stored_key = sha256(text_of(hmac(text_of(salted), "Client Key")));
    const Digest client_signature = hmac(text_of(stored_key), auth_message);
    const std::string proof = from_base64(scram_attribute(client_final, 'p'));
    if (proof.size() != client_signature.size()) return {};
    Digest client_key{};
    for (std::size_t i = 0; i < proof.size(); ++i) {
      client_key[i] = static_cast<unsigned char>(octets(proof)[i] ^ client_signature[i]);
    }
    if (sha256(text_of(client_key)) != stored_key) return {};
    const Digest server_key = hmac(text_of(salted), "Server Key");
    return "v=" + base64(text_of(hmac(text_of(server_key), auth_message)));
  }

  std::string gs2_header;

 private:
  Secret secret_;
  std::string client_first_bare_;
  std::string server_first_;
};

}  // namespace parallax::test
