#pragma once

// What notes of sessions hold, counted for all sessions of a worker: each counts itself for as long
// as it lives.

#include <cstddef>
#include <memory>
#include <utility>

namespace parallax::shadow {

class HeldBytes {
 public:
  HeldBytes() = default;
  HeldBytes(std::shared_ptr<std::size_t> total, std::size_t bytes)
      : total_(std::move(total)), bytes_(bytes) {
    *total_ += bytes_;
  }
  ~HeldBytes() {
    if (total_ != nullptr) *total_ -= bytes_;
  }
  HeldBytes(HeldBytes&& other) noexcept
      : total_(std::move(other.total_)), bytes_(std::exchange(other.bytes_, 0)) {}
  HeldBytes& operator=(HeldBytes&& other) noexcept {
    std::swap(total_, other.total_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  HeldBytes(const HeldBytes&) = delete;
  HeldBytes& operator=(const HeldBytes&) = delete;

  std::size_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<std::size_t> total_;
  std::size_t bytes_ = 0;
};

}  // namespace parallax::shadow
