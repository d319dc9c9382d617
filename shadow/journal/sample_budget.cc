#include "shadow/journal/sample_budget.h"

namespace parallax::shadow {

namespace {

// After so many more, half as many of those that come are taken.
constexpr std::size_t kThinnedEvery = 4;

}  // namespace

bool SampleBudget::take(std::uint64_t values, bool vacuous) {
  if (!has_room(values, vacuous) || !known_.insert(values).second) return false;
  ++(vacuous ? vacuous_ : with_rows_);
  return true;
}

bool SampleBudget::has_room(std::uint64_t values, bool vacuous) const {
  if (vacuous) return vacuous_ < kVacuousSamplesMax;
  if (with_rows_ < kSamplesAtOnce) return true;
  if (with_rows_ >= kSamplesWithRowsMax) return false;
  const std::size_t bits = 1 + (with_rows_ - kSamplesAtOnce) / kThinnedEvery;
  return (values & ((std::uint64_t{1} << bits) - 1)) == 0;
}

}  // namespace parallax::shadow
