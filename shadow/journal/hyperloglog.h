#pragma once

// How many different values were there? A HyperLogLog sketch: fixed size, and the sketch of two
// journals together is the greater of each register. Standard error 2.3 %; a handful of values is
// counted nearly exactly.
// P. Flajolet et al., "HyperLogLog" (2007); estimator of O. Ertl, arXiv:1702.01284, which needs no
// tables of bias.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parallax::shadow {

class HyperLogLog {
 public:
  static constexpr unsigned kIndexBits = 11;
  static constexpr std::size_t kRegisters = std::size_t{1} << kIndexBits;

  // `hash`: 64 evenly distributed bits.
  void add(std::uint64_t hash);
  void merge(const HyperLogLog& other);
  double estimate() const;

  // Digits 0-9 A-Z a-z - _ stand for 0 to 63. Of kRegisters characters: the rank in each register,
  // from register 0. Shorter: for each register that is not 0 three characters, its number in two
  // (greater digit first) and its rank.
  std::string text() const;
  // Nothing where `text` is none of those.
  static std::optional<HyperLogLog> read(std::string_view text);

 private:
  std::array<std::uint8_t, kRegisters> ranks_{};
};

}  // namespace parallax::shadow
