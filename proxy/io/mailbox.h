#pragma once

// From one producer thread to one consumer loop: a bounded ring of moved values with a wake-up.
// Nobody waits: a full ring refuses. The budget (values and bytes that wait) is shared by all
// mailboxes of one consumer.

#include <uv.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/io/handle.h"
#include "proxy/io/loop.h"

namespace parallax::io {

// Counts what waits, over all producers. Taken by a producer, given back by the consumer when a
// value's wait ends.
class QueueBudget {
 public:
  QueueBudget(std::size_t jobs_max, std::size_t bytes_max)
      : jobs_max_(jobs_max), bytes_max_(bytes_max) {}
  enum class Refusal { none, jobs, bytes };

  Refusal take(std::size_t bytes) noexcept {
    if (jobs_.fetch_add(1, std::memory_order_relaxed) >= jobs_max_) {
      jobs_.fetch_sub(1, std::memory_order_relaxed);
      return Refusal::jobs;
    }
    if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes > bytes_max_) {
      bytes_.fetch_sub(bytes, std::memory_order_relaxed);
      jobs_.fetch_sub(1, std::memory_order_relaxed);
      return Refusal::bytes;
    }
    return Refusal::none;
  }
  void give_back(std::size_t bytes) noexcept {
    jobs_.fetch_sub(1, std::memory_order_relaxed);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  std::size_t jobs() const noexcept { return jobs_.load(std::memory_order_relaxed); }
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  std::size_t jobs_max() const noexcept { return jobs_max_; }
  std::size_t bytes_max() const noexcept { return bytes_max_; }

 private:
  std::size_t jobs_max_;
  std::size_t bytes_max_;
  std::atomic<std::size_t> jobs_{0};
  std::atomic<std::size_t> bytes_{0};
};

// Single producer, single consumer.
template <typename T>
class SpscRing {
 public:
  explicit SpscRing(std::size_t capacity) : slots_(capacity + 1) {}

  bool try_push(T&& value) noexcept {
    const auto tail = tail_.load(std::memory_order_relaxed);
    const auto next = (tail + 1) % slots_.size();
    if (next == head_.load(std::memory_order_acquire)) return false;
    slots_[tail] = std::move(value);
    tail_.store(next, std::memory_order_release);
    return true;
  }
  std::optional<T> try_pop() {
    const auto head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return std::nullopt;
    std::optional<T> value(std::move(slots_[head]));
    slots_[head] = T{};
    head_.store((head + 1) % slots_.size(), std::memory_order_release);
    return value;
  }

 private:
  std::vector<T> slots_;
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
};

// Wakes the consumer's loop; many wake-ups may become one call. Made and destroyed on the
// consumer's thread (or before it runs); wake() is thread-safe and must not be called after
// destruction.
class Wakeup {
 public:
  Wakeup(Loop& loop, std::function<void()> callback);
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  void wake() noexcept;

 private:
  HandleBlock<uv_async_t, Wakeup>* block_;
  std::function<void()> callback_;
  // Set by the producer that wakes the loop, cleared by the loop before it looks. Both are
  // read-modify-writes: either the loop's comes later and sees what was pushed before the
  // producer's, or the producer finds it cleared and wakes again. So no wake-up is lost (libuv
  // before 1.53 does not order coalesced ones), and many offers wake a busy loop once.
  std::atomic<bool> signalled_{false};
};

}  // namespace parallax::io
