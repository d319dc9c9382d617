#include "shadow/journal/line_budget.h"

#include <algorithm>
#include <utility>

namespace parallax::shadow {

bool LineBudget::take(Time now) {
  const std::chrono::duration<double> passed = now - last_;
  last_ = now;
  // A clock that was set back gives nothing.
  lines_ = std::min(per_second_, lines_ + std::max(0.0, passed.count()) * per_second_);
  if (lines_ < 1) {
    ++left_out_;
    return false;
  }
  lines_ -= 1;
  return true;
}

std::uint64_t LineBudget::left_out() { return std::exchange(left_out_, 0); }

}  // namespace parallax::shadow
