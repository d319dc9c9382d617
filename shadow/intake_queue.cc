#include "shadow/intake_queue.h"

#include <utility>
#include <variant>

namespace parallax::shadow {

namespace {

std::size_t bytes_of(const Captured& captured) {
  if (const auto* operation = std::get_if<CapturedOperation>(&captured)) return operation->bytes();
  if (const auto* part = std::get_if<CapturedStatement>(&captured)) return part->bytes();
  const auto& statement = std::get<UncoveredStatement>(captured);
  return sizeof(UncoveredStatement) + statement.sql.size() + statement.skeleton.size();
}

}  // namespace

IntakeQueue::IntakeQueue(io::Loop& loop, const Options& options, std::size_t workers,
                         std::function<void()> ready)
    : budget_(options.queue_jobs, options.queue_bytes), wakeup_(loop, std::move(ready)) {
  for (std::size_t i = 0; i < workers; ++i) {
    doors_.push_back(std::make_unique<Door>(*this, options.queue_jobs));
  }
}

std::optional<DropReason> IntakeQueue::Door::offer(Captured&& captured) noexcept {
  const auto bytes = bytes_of(captured);
  switch (queue_.budget_.take(bytes)) {
    case io::QueueBudget::Refusal::none:
      break;
    case io::QueueBudget::Refusal::jobs:
      return DropReason::queue_jobs;
    case io::QueueBudget::Refusal::bytes:
      return DropReason::queue_bytes;
  }
  if (!ring_.try_push({std::move(captured), bytes})) {
    queue_.budget_.give_back(bytes);
    return DropReason::queue_jobs;
  }
  queue_.wakeup_.wake();
  return std::nullopt;
}

std::optional<LiveSample> IntakeQueue::take_sample() {
  for (auto& door : doors_) {
    if (auto sample = door->samples_.try_pop()) return sample;
  }
  return std::nullopt;
}

std::optional<IntakeQueue::Item> IntakeQueue::take() {
  for (std::size_t i = 0; i < doors_.size(); ++i) {
    auto& door = *doors_[next_door_++ % doors_.size()];
    if (auto item = door.ring_.try_pop()) return item;
  }
  return std::nullopt;
}

}  // namespace parallax::shadow
