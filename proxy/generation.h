#pragma once

// What one reading of the configuration brings to life: rules, their metrics, the engine, the
// journal. A value that is not changed; a reload makes the next one, and this one ends when nothing
// refers to it any more.

#include <memory>
#include <string>
#include <vector>

#include "proxy/config.h"
#include "proxy/tee_report.h"
#include "shadow/engine.h"
#include "shadow/journal/journal.h"
#include "shadow/rules/rule.h"
#include "shadow/shadow_metrics.h"

namespace parallax::proxy {

struct Generation {
  Config config;
  std::shared_ptr<const shadow::RuleSet> rules;
  std::shared_ptr<const shadow::ShadowMetrics> metrics;
  std::unique_ptr<shadow::JournalFile> journal_file;  // until the journal has it
  std::unique_ptr<shadow::Journal> journal;           // null without one
  std::unique_ptr<TeeReport> report;
  std::unique_ptr<shadow::Engine> engine;  // null for `learn`
  bool started = false;                    // its engine, under the server's mutex
};

// What is changed in `next` and cannot change in a running process, one line for each.
std::vector<std::string> needs_restart(const Config& running, const Config& next);

}  // namespace parallax::proxy
