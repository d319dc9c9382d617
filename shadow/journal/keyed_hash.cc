#include "shadow/journal/keyed_hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "shadow/rules/values.h"

namespace parallax::shadow {
namespace {

constexpr std::size_t kRandomKeyBytes = 32;
constexpr std::size_t kKeyIdDigits = 8;

std::string random_key() {
  std::array<unsigned char, kRandomKeyBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("journal: no random bytes for a key");
  }
  return {bytes.begin(), bytes.end()};
}

void append_sized(std::string& out, std::string_view bytes) {
  out += std::to_string(bytes.size()) + ':';
  out += bytes;
}

}  // namespace

KeyedHash::KeyedHash(std::string key) : key_(key.empty() ? random_key() : std::move(key)) {
  key_id_ = text("parallax journal key").substr(0, kKeyIdDigits);
}

std::uint64_t KeyedHash::number(std::string_view bytes) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), hash.data(), &size);
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) number = (number << 8) | hash[i];
  return number;
}

std::string KeyedHash::text(std::string_view bytes) const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto hash = number(bytes);
  std::string hex;
  for (int shift = 60; shift >= 0; shift -= 4) hex.push_back(kDigits[(hash >> shift) & 0xF]);
  return hex;
}

std::string hashed_bytes(const Value& value) {
  if (auto text = text_of(value)) return *std::move(text);
  std::string bytes("\0binary ", 8);  // no text of the server holds a zero byte
  append_sized(bytes, std::to_string(value.type_oid));
  return bytes + value.bytes;
}

std::string hashed_bytes(const NamedValues& values) {
  std::string bytes;
  for (const auto& [name, value] : values) {
    append_sized(bytes, name);
    bytes += value.list ? 'l' : 's';
    append_sized(bytes, std::to_string(value.members.size()));
    for (const auto& member : value.members) {
      if (member.null) {
        bytes += 'n';
      } else {
        append_sized(bytes, hashed_bytes(member));
      }
    }
  }
  return bytes;
}

}  // namespace parallax::shadow
