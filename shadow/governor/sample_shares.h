#pragma once

// By rule: what share of the operations that its `sample` would take the governor lets through.
// Written on the shadow thread, asked by the workers.

#include <atomic>
#include <cstddef>
#include <vector>

#include "shadow/rules/rule.h"

namespace parallax::shadow {

class SampleShares {
 public:
  explicit SampleShares(std::size_t rules) : shares_(rules) {
    for (auto& share : shares_) share.store(1.0, std::memory_order_relaxed);
  }
  double of(const Rule& rule) const { return shares_[rule.index].load(std::memory_order_relaxed); }
  void set(std::size_t rule, double share) {
    shares_[rule].store(share, std::memory_order_relaxed);
  }

 private:
  std::vector<std::atomic<double>> shares_;
};

}  // namespace parallax::shadow
