#pragma once

// The seed of random tests: PARALLAX_SEED, or a new one; printed, so that a failure can be run
// again.

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string_view>

namespace parallax::test {

inline std::uint64_t run_seed() {
  static const std::uint64_t seed = [] {
    std::uint64_t value = std::random_device{}();
    if (const char* given = std::getenv("PARALLAX_SEED"); given != nullptr) {
      const std::string_view text(given);
      std::from_chars(text.data(), text.data() + text.size(), value);
    }
    std::cout << "PARALLAX_SEED=" << value << "\n";
    return value;
  }();
  return seed;
}

}  // namespace parallax::test
