#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parallax::shadow {

// The first hexadecimal digits of SHA-256.
std::string sha256_prefix(std::string_view text, std::size_t digits);

}  // namespace parallax::shadow
