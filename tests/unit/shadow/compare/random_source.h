#pragma once

// Seeded random numbers; the seed is printed so that a failure can be run again with PARALLAX_SEED.

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace parallax::shadow::tests {

class RandomSource {
 public:
  explicit RandomSource(const char* test) {
    const char* given = std::getenv("PARALLAX_SEED");
    seed_ = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    engine_.seed(seed_);
    std::cout << test << ": PARALLAX_SEED=" << seed_ << "\n";
  }
  std::uint64_t seed() const { return seed_; }
  std::mt19937_64& engine() { return engine_; }
  // In [0, limit), limit > 0.
  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  std::uint64_t seed_ = 0;
  std::mt19937_64 engine_;
};

}  // namespace parallax::shadow::tests
