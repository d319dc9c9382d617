#include "shadow/rules/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace parallax::shadow {

std::string sha256_prefix(std::string_view text, std::size_t digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), hash.data(), &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex.push_back(kDigits[hash[i] >> 4]);
    hex.push_back(kDigits[hash[i] & 0xF]);
  }
  hex.resize(std::min(digits, hex.size()));
  return hex;
}

}  // namespace parallax::shadow
