#pragma once

// What the engine tells the outside about its findings. Called on the shadow thread; how it is
// shown (log line, terminal) is not the engine's business. Public face of shadow/.

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "shadow/captured.h"
#include "shadow/governor/governor_step.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

// A row of text cells; nothing = NULL.
using ReportRow = std::vector<std::optional<std::string>>;

struct RowDifference {
  MismatchKind kind;                 // missing_row, extra_row, null, value or order
  std::optional<ReportRow> legacy;   // paired columns in legacy order; absent for an extra row
  std::optional<ReportRow> rewrite;  // the same columns; absent for a missing row
};

// How one operation ended. Values, parameters and server messages are filled in only with
// Options::keep_values.
struct Outcome {
  const Rule* rule = nullptr;
  Side side = Side::legacy;  // that the client sent
  std::variant<Verdict, SkipReason, DropReason> end;
  std::optional<MismatchKind> kind;  // of a mismatch, wanted or not
  std::string detail;  // one line without values: "column \"total\": int8 against numeric"
  std::vector<EqualStep> steps;  // of a match
  bool vacuous = false;          // match without a row: two empty results, or the same error
  bool live_compared = false;    // what the client got was compared with legacy, or settled it
  bool live_differs = false;     // ... and is not what legacy gives
  std::string legacy_sqlstate;
  std::string rewrite_sqlstate;
  std::size_t legacy_rows = 0;
  std::size_t rewrite_rows = 0;
  double live_seconds = 0;  // as the client saw it
  // Of its line in the journal, where it may get one; the engine gives it.
  std::string journal_id;
  double legacy_seconds = 0;  // in the snapshot; 0 when not run
  double rewrite_seconds = 0;

  // Options::keep_values only
  NamedValues values;
  ReplayContextRef context;
  std::string legacy_message;
  std::string rewrite_message;
  std::vector<std::string> columns;        // labels of the paired columns
  std::vector<RowDifference> differences;  // the first kDifferencesShown

  void remove_values();
};
inline constexpr std::size_t kDifferencesShown = 10;

// Generic plans, as EXPLAIN (FORMAT JSON) prints them; empty = the server gave none.
struct RulePlans {
  std::string legacy;
  std::string rewrite;
};

class Report {
 public:
  virtual ~Report() = default;
  virtual void outcome(const Outcome& outcome) = 0;
  // `reason` says why a rule is broken, or what verification found (pairs by left-over).
  virtual void rule_state(const Rule& rule, RuleState state, const std::string& reason) = 0;
  // What verification found and the rule's owner should look at: pairs that cross. Once.
  virtual void rule_warning(const Rule&, const std::string&) {}
  // After verification, with Options::generic_plans.
  virtual void plans(const Rule&, const RulePlans&) {}
  // A connection of the shadow pool failed; `sqlstate` empty when the server was not reached. Never
  // holds a value.
  virtual void pool_error(const std::string& sqlstate, const std::string& what) = 0;
  // Replays of the rule (null: all replays) are not made for a while, or are made again; `why`
  // holds no value.
  virtual void breaker(const Rule* rule, bool open, const std::string& why) = 0;
  // The governor has taken load back, or given it again.
  virtual void governed(const GovernorStep&, const Rule*) {}
  // What the operator should know of the shadow server and its role, and what to do about it: once,
  // and again when it has changed.
  virtual void warning(const std::string& text) = 0;
  virtual void information(const std::string& text) = 0;
  // Once for each worker, rule and statement.
  virtual void uncovered(const UncoveredStatement& statement) = 0;
};

}  // namespace parallax::shadow
