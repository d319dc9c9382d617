#pragma once

// The shadow side as a whole: one thread with its loop, the pool, verification of rules, replays,
// verdicts. Public face of shadow/: proxy/ makes one, hands its intakes to the workers' taps,
// starts and stops it.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "metrics/registry.h"
#include "shadow/captured.h"
#include "shadow/governor/governor_step.h"
#include "shadow/governor/sample_shares.h"
#include "shadow/open_operations.h"
#include "shadow/options.h"
#include "shadow/report.h"
#include "shadow/shadow_metrics.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

// A client waited for the root of an operation.
struct LiveSample {
  std::uint32_t rule = 0;  // its index
  Side side = Side::legacy;
  float seconds = 0;
  std::uint64_t completed_ns = 0;  // monotonic
};

// A worker's door into the engine. One producer thread each.
class Intake {
 public:
  virtual ~Intake() = default;
  // For the governor, also of operations that are not replayed. Never waits; more than the engine
  // looks at in time is forgotten.
  virtual void lived(const LiveSample&) noexcept {}
  // Never waits and never throws. Nothing when taken; otherwise why it was dropped (the caller
  // counts it).
  virtual std::optional<DropReason> offer(Captured&& captured) noexcept = 0;
};

class StrictDoor;

class Engine {
 public:
  // Adds no series; `metrics` holds the handles. All references must outlive the engine. `shard`:
  // of the engine's thread, where engines come one after the other; null: one of its own.
  Engine(Options options, std::shared_ptr<const RuleSet> rules, const ShadowMetrics& metrics,
         metrics::Registry& registry, Report& report, std::size_t workers,
         metrics::Shard* shard = nullptr);
  ~Engine();

  Intake& intake(std::size_t worker);
  // Thread-safe; what the workers ask before they capture.
  RuleState state(const Rule& rule) const;
  // Thread-safe; what the taps mark and ask.
  OpenOperations& open_operations();
  // Thread-safe; what the taps ask before they sample.
  const SampleShares& sample_shares() const;

  // Before start(): to whom answers of strict mode go. It must outlive the engine.
  void set_strict_door(StrictDoor& door);

  // Starts the thread and, awake, verification. Asleep the engine never connects by itself; what is
  // offered is replayed all the same.
  void start(bool awake = true);
  // Thread-safe, and only after start().
  void set_awake(bool awake);
  // No more offers follow. Operations that wait are dropped (`drain`); running ones get until the
  // deadline. Returns when the thread has ended and all connections are closed.
  void stop(std::chrono::milliseconds deadline);

  // The same, but what waits runs too until the deadline; then the server has let go of all
  // connections, unless the deadline has passed. For a successor that may have as many.
  void finish(std::chrono::milliseconds deadline);

  // Gauges, thread-safe.
  std::size_t queued_jobs() const;
  std::size_t queued_bytes() const;
  struct Connections {
    std::size_t connecting = 0;
    std::size_t idle = 0;
    std::size_t busy = 0;
  };
  Connections connections() const;
  // How many replays the governor lets be under way at once.
  std::size_t replays_limit() const;
  // As Governor::pressure().
  double pressure(Sign sign) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parallax::shadow
