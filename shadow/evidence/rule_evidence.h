#pragma once

// What journals say of a rule, put together over lines, files and instances. Evidence belongs to a
// version of the rule. Public face of shadow/.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shadow/journal/hyperloglog.h"

namespace parallax::shadow {

using EvidenceTime = std::chrono::system_clock::time_point;

// By the names that the journal has for them.
using NamedCounts = std::map<std::string, std::uint64_t, std::less<>>;
std::uint64_t count_of(const NamedCounts& counts, std::string_view name);
std::uint64_t sum_of(const NamedCounts& counts);

struct LatencyEvidence {
  std::map<double, std::uint64_t> counts;  // by upper bound of a bucket, not cumulative
  std::uint64_t above = 0;                 // all bounds
  double seconds = 0;                      // their sum

  void merge(const LatencyEvidence& other);
  std::uint64_t observations() const;
  double mean() const;
  // Linear inside its bucket; above all bounds the greatest one. 0 without observations.
  double quantile(double q) const;
};

struct NameEvidence {
  std::uint64_t nulls = 0;
  // Of lists, by length.
  std::uint64_t none = 0;
  std::uint64_t one = 0;
  std::uint64_t many = 0;
  bool is_list() const { return none + one + many != 0; }
  void merge(const NameEvidence& other);
};

// A verdict's line, as the journal has it: hashes or values.
struct EvidenceExample {
  using Row = std::vector<std::optional<std::string>>;
  struct Difference {
    std::string kind;
    std::optional<Row> legacy;
    std::optional<Row> rewrite;
  };
  std::string id;
  EvidenceTime time;
  std::string verdict;
  std::string kind;
  std::string detail;
  std::string legacy_sqlstate;
  std::string rewrite_sqlstate;
  std::uint64_t legacy_rows = 0;
  std::uint64_t rewrite_rows = 0;
  bool full_values = false;
  std::vector<std::pair<std::string, std::string>> parameters;  // in the journal's words
  std::vector<std::string> columns;
  std::vector<Difference> differences;
};

struct VersionEvidence {
  std::string version;
  EvidenceTime first = EvidenceTime::max();
  EvidenceTime last = EvidenceTime::min();
  EvidenceTime told = EvidenceTime::min();  // the last line of any kind
  std::uint64_t operations = 0;
  std::uint64_t vacuous = 0;
  std::uint64_t suppressed = 0;
  struct Told {
    NamedCounts summaries;
    NamedCounts lines;  // a crash takes the last summary away, not these
  };
  std::map<std::string, Told> told_by;  // verdicts, by instance
  NamedCounts kinds;
  NamedCounts skipped;
  NamedCounts dropped;
  NamedCounts equalized;
  LatencyEvidence live;
  LatencyEvidence live_rewrite;
  LatencyEvidence legacy;
  LatencyEvidence rewrite;
  std::map<std::string, NameEvidence> names;
  std::map<std::string, HyperLogLog> distinct;  // by the journal's key: of two keys nothing is one
  std::set<std::string> instances;
  struct State {
    EvidenceTime time;  // since when
    std::string state;
    EvidenceTime told;  // the last line that says so
  };
  std::map<std::string, State> states;    // the last of each instance
  std::vector<EvidenceExample> examples;  // the latest, newest first

  void seen(EvidenceTime time);
  // Of each instance what its summaries count or its lines show, whichever is more.
  std::uint64_t verdict(std::string_view name) const;
  NamedCounts verdicts() const;
  // Both sides were held against each other.
  std::uint64_t comparisons() const;
  std::uint64_t failures() const;  // mismatches and rewrite errors
  // All verdicts.
  std::uint64_t verdicts_total() const;
  // Of the key that has seen most.
  std::uint64_t distinct_estimate() const;
  double vacuous_share() const;  // of matches
  // How much longer the rewrite takes, both in one snapshot; nothing where no pair was taken.
  std::optional<double> latency_ratio() const;
};

struct RuleEvidence {
  std::map<std::string, VersionEvidence> versions;
  // The one that was heard of last: its state, if nothing ran.
  const VersionEvidence* newest() const;
};

struct JournalProblem {
  std::string file;
  std::size_t line = 0;  // 0: of the whole file
  std::string what;
};

struct JournalEvidence {
  std::map<std::string, RuleEvidence> rules;
  std::map<std::string, EvidenceTime> instances;  // when each was heard of last
  std::uint64_t lines = 0;                        // that were read and understood
  std::uint64_t in_time = 0;                      // of these, those of the time asked for
  std::uint64_t repeated = 0;                     // that had been read before
  std::vector<JournalProblem> problems;           // the first kJournalProblemsTold
  std::uint64_t problems_total = 0;
  bool unreadable = false;  // a file could not be read

  // The state that holds, of the rule's instances: `broken` or `context_drift` of any that nothing
  // has taken the place of; empty: none of these.
  std::string bad_state(const VersionEvidence& version) const;
};
inline constexpr std::size_t kJournalProblemsTold = 20;

}  // namespace parallax::shadow
