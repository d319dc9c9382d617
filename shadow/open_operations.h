#pragma once

// Which rules have operations of several statements under way. Children of such a rule are looked
// at while there is one; all workers and the engine see the same counts.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "shadow/rules/rule.h"

namespace parallax::shadow {

// An operation is under way as long as this lives. Travels with the operation.
class OpenMark {
 public:
  OpenMark() = default;
  explicit OpenMark(std::atomic<std::uint32_t>& count) : count_(&count) {
    count.fetch_add(1, std::memory_order_relaxed);
  }
  OpenMark(OpenMark&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  OpenMark& operator=(OpenMark&& other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  OpenMark(const OpenMark&) = delete;
  OpenMark& operator=(const OpenMark&) = delete;
  ~OpenMark() {
    if (count_ != nullptr) count_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint32_t>* count_ = nullptr;
};

// Must outlive all its marks.
class OpenOperations {
 public:
  explicit OpenOperations(std::size_t rules) : counts_(rules) {}
  // When the root passes on its way to the server: no child of it can have passed before.
  OpenMark open(const Rule& rule) { return OpenMark(counts_[rule.index]); }
  bool any(const Rule& rule) const {
    return counts_[rule.index].load(std::memory_order_relaxed) != 0;
  }

 private:
  std::vector<std::atomic<std::uint32_t>> counts_;
};

}  // namespace parallax::shadow
