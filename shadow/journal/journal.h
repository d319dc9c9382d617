#pragma once

// The journal: evidence on disk. Hears the engine's outcomes on the shadow thread, which never
// waits for the disk: lines go through a bounded queue to a thread of the journal's own, which also
// writes the summaries, one for each rule and minute. Public face of shadow/.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "metrics/registry.h"
#include "shadow/journal/journal_file.h"
#include "shadow/journal/options.h"
#include "shadow/journal/rule_totals.h"
#include "shadow/report.h"
#include "shadow/shadow_metrics.h"

namespace parallax::shadow {

// Lines that wait for the disk.
inline constexpr std::size_t kJournalQueueBytes = std::size_t{8} * 1024 * 1024;
inline constexpr std::chrono::seconds kJournalSummaryPeriod{60};

class Journal final : public Report {
 public:
  struct Settings {
    JournalOptions options;
    std::unique_ptr<JournalFile> file;  // open
    // Hears of lines that were lost, once a minute at most, on the journal's thread.
    std::function<void(const std::string&)> tell;
    std::chrono::milliseconds period = kJournalSummaryPeriod;  // of the summaries
    std::size_t queue_bytes = kJournalQueueBytes;
    // Where a former journal has stopped: nothing in between is lost.
    JournalPositions before = {};
  };

  // References must outlive it. Starts the thread.
  Journal(Settings settings, std::shared_ptr<const RuleSet> rules, const ShadowMetrics& metrics,
          const metrics::Registry& registry);
  ~Journal() override;  // stops

  // Writes what waits and the last summaries. After the engine has stopped; once.
  void stop();
  // After stop().
  JournalPositions positions() const;
  // Lines that were lost, and other failures. Thread-safe.
  std::uint64_t errors() const;

  void outcome(const Outcome& outcome) override;
  void plans(const Rule& rule, const RulePlans& plans) override;
  void rule_state(const Rule& rule, RuleState state, const std::string&) override;
  void breaker(const Rule*, bool, const std::string&) override {}
  void pool_error(const std::string&, const std::string&) override {}
  void warning(const std::string&) override {}
  void information(const std::string&) override {}
  void uncovered(const UncoveredStatement&) override {}

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parallax::shadow
