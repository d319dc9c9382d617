#pragma once

// The workers' doors into the engine: a ring for each worker, one budget and one wake-up for all.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "proxy/io/loop.h"
#include "proxy/io/mailbox.h"
#include "shadow/captured.h"
#include "shadow/engine.h"
#include "shadow/options.h"

namespace parallax::shadow {

class IntakeQueue {
 public:
  struct Item {
    Captured captured;
    std::size_t bytes = 0;  // held in the budget until give_back()
  };

  // `ready` runs on the loop when there is something to take.
  IntakeQueue(io::Loop& loop, const Options& options, std::size_t workers,
              std::function<void()> ready);

  Intake& door(std::size_t worker) { return *doors_[worker]; }
  // What all workers have put in, in turn. The consumer's thread only.
  std::optional<Item> take();
  // Likewise.
  std::optional<LiveSample> take_sample();
  void give_back(std::size_t bytes) noexcept { budget_.give_back(bytes); }
  const io::QueueBudget& budget() const { return budget_; }

 private:
  class Door final : public Intake {
   public:
    Door(IntakeQueue& queue, std::size_t capacity)
        : queue_(queue), ring_(capacity), samples_(kSamplesMost) {}
    std::optional<DropReason> offer(Captured&& captured) noexcept override;
    void lived(const LiveSample& sample) noexcept override {
      samples_.try_push(LiveSample(sample));
    }

   private:
    friend class IntakeQueue;
    IntakeQueue& queue_;
    io::SpscRing<Item> ring_;
    io::SpscRing<LiveSample> samples_;
  };

  static constexpr std::size_t kSamplesMost = 2048;  // of a worker, between two looks

  io::QueueBudget budget_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::size_t next_door_ = 0;
  io::Wakeup wakeup_;
};

}  // namespace parallax::shadow
