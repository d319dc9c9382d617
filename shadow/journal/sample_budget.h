#pragma once

// Which matches of a rule the journal keeps as samples: few, of different values, and most of them
// with rows. The first ones are taken as they come, then ever fewer, so that later hours have their
// share. What is taken depends on the values alone, not on how often they come.

#include <cstddef>
#include <cstdint>
#include <unordered_set>

namespace parallax::shadow {

inline constexpr std::size_t kSamplesAtOnce = 32;
inline constexpr std::size_t kSamplesWithRowsMax = 56;
// Where both sides gave nothing: a condition that is forgotten may give something there.
inline constexpr std::size_t kVacuousSamplesMax = 8;

class SampleBudget {
 public:
  // Is a match to be kept? Counts it, if so. `values`: hash of its parameters and of what the
  // session has set.
  bool take(std::uint64_t values, bool vacuous);

 private:
  bool has_room(std::uint64_t values, bool vacuous) const;

  std::unordered_set<std::uint64_t> known_;
  std::size_t with_rows_ = 0;
  std::size_t vacuous_ = 0;
};

}  // namespace parallax::shadow
