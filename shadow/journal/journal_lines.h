#pragma once

// The text of the journal's lines: one JSON object each, UTF-8 (bytes that are none become U+FFFD),
// without the line's end. README says what the fields mean. Rows, parameters and settings stand
// there as keyed hashes unless the operator has asked for values; SQL is the rule's, never the
// client's; messages of the server never stand there.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "shadow/journal/evidence.h"
#include "shadow/journal/keyed_hash.h"
#include "shadow/journal/rule_totals.h"
#include "shadow/report.h"

namespace parallax::shadow {

inline constexpr int kJournalVersion = 1;
// A longer line leaves out its differences, then its parameters, and says so (`cut`).
inline constexpr std::size_t kJournalLineBytesMax = std::size_t{1024} * 1024;
// Of a cell in full; the rest is left out, and its length told.
inline constexpr std::size_t kJournalCellBytesMax = 1024;

using JournalTime = std::chrono::system_clock::time_point;

struct JournalStyle {
  const KeyedHash& hash;
  bool full_values = false;
};

// What only the journal knows of a verdict.
struct JournalEntry {
  std::string id;
  JournalTime time;
  std::uint64_t suppressed = 0;  // lines of the same rule and verdict since the last one
};
std::string verdict_line(const Outcome& outcome, Verdict verdict, const JournalEntry& entry,
                         const JournalStyle& style);

// A match, as a verdict is told, without the rule's SQL. Nothing where it is longer than
// kSampleLineBytesMax: without its parameters it would be of no use.
std::optional<std::string> sample_line(const Outcome& outcome, const JournalEntry& entry,
                                       const JournalStyle& style);
inline constexpr std::size_t kSampleLineBytesMax = std::size_t{64} * 1024;

// The generic plans of both sides.
std::string plans_line(const Rule& rule, const RulePlans& plans, JournalTime time,
                       const KeyedHash& hash);

// What verification or the watch over a rule has made of it. Reasons may quote the server: they
// stand in the log.
std::string state_line(const Rule& rule, RuleState state, const std::string& instance,
                       JournalTime time, const KeyedHash& hash);

struct SummaryPeriod {
  std::string instance;
  JournalTime from;
  JournalTime to;
  RuleState state = RuleState::unverified;  // at its end
};
std::string summary_line(const Rule& rule, const SummaryPeriod& period, const RuleTotals& totals,
                         const Evidence& evidence, const KeyedHash& hash);

}  // namespace parallax::shadow
