#pragma once

// At most so many lines a second, in bursts of a second's worth; what is left out is counted.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace parallax::shadow {

class LineBudget {
 public:
  using Time = std::chrono::system_clock::time_point;
  explicit LineBudget(std::size_t per_second)
      : per_second_(static_cast<double>(per_second)), lines_(per_second_) {}

  // May a line be written now? If not, it is counted.
  bool take(Time now);
  // How many were left out since the last call.
  std::uint64_t left_out();

 private:
  double per_second_;
  double lines_;
  Time last_{};
  std::uint64_t left_out_ = 0;
};

}  // namespace parallax::shadow
