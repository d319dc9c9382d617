#pragma once

// What the journal has to say: which outcomes become lines, and what each rule's summary holds.
// Does no input or output, has no thread and no lock.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metrics/registry.h"
#include "shadow/journal/evidence.h"
#include "shadow/journal/journal_lines.h"
#include "shadow/journal/keyed_hash.h"
#include "shadow/journal/line_budget.h"
#include "shadow/journal/options.h"
#include "shadow/journal/rule_totals.h"
#include "shadow/journal/sample_budget.h"
#include "shadow/report.h"
#include "shadow/shadow_metrics.h"

namespace parallax::shadow {

class JournalBook {
 public:
  // A rule's summary on its way to the file.
  struct Summary {
    const Rule* rule = nullptr;
    std::string line;
    JournalTime to;
    RuleTotals totals;  // up to `to`
    Evidence evidence;  // since the last one written
  };

  // References must outlive it. What was counted before is not the journal's; of the rules in
  // `before`, what was counted before those positions: of another version what is not written is
  // lost, because it is no evidence of this one.
  JournalBook(const JournalOptions& options, std::shared_ptr<const RuleSet> rules,
              const ShadowMetrics& metrics, const metrics::Registry& registry, JournalTime now,
              const JournalPositions& before = {});

  JournalPositions positions() const;

  // Keeps the evidence of an outcome; the line to write, if it gets one: a verdict that is no match
  // and within the rate, or with full values one of the few matches that are kept as samples.
  std::optional<std::string> heard(const Outcome& outcome, JournalTime now);

  // The line to write, if the state is news.
  std::optional<std::string> state(const Rule& rule, RuleState state, JournalTime now);

  // The rule's plans, as they are since its verification.
  void planned(const Rule& rule, const RulePlans& plans);
  // A line with the plans that no line has told yet; to be asked for when heard() gave a verdict.
  std::optional<std::string> due_plans(const Rule& rule, JournalTime now);

  // A line for each rule that had operations since the last one that was written. Each must go to
  // written() or given_back() before the next call.
  std::vector<Summary> summaries(JournalTime now);
  void written(const Summary& summary);
  // Its content is part of the next one.
  void given_back(const Summary& summary);

 private:
  struct Page {
    RuleTotals written;
    RuleTotals counted;
    JournalTime from;
    Evidence evidence;
    std::map<Verdict, LineBudget> budgets;
    SampleBudget samples;
    RuleState state = RuleState::unverified;
    std::optional<RulePlans> plans;  // that no line has told yet
  };

  std::string id_of(const Outcome& outcome);
  std::optional<std::string> sample(const Outcome& outcome, Page& page, std::uint64_t parameters,
                                    JournalTime now);

  const std::size_t rate_;
  const bool full_values_;
  const KeyedHash hash_;
  const std::shared_ptr<const RuleSet> rules_;
  const ShadowMetrics& metrics_;
  const metrics::Registry& registry_;
  const std::string instance_;  // random: tells journals of several processes apart
  std::uint64_t lines_ = 0;
  std::vector<Page> pages_;  // by rule
};

}  // namespace parallax::shadow
