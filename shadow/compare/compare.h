#pragma once

// Compares two results, and decides the verdict of one snapshot. Pure.

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "shadow/captured.h"
#include "shadow/compare/pairing.h"
#include "shadow/compare/result_digest.h"
#include "shadow/compare/result_set.h"
#include "shadow/compare/value_reader.h"
#include "shadow/report.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

// What a rule's results are compared by. All references must outlive it.
struct ComparisonBasis {
  const Rule& rule;
  const Pairing& pairing;
  const Catalog& catalog;
  TextStyle style;
  std::chrono::sys_days today = today_utc();  // which expectations are in force
  const NamedValues* values = nullptr;        // of the operation; null = not known
};

struct Comparison {
  std::optional<MismatchKind> difference;  // the first in the order of precedence; nothing = equal
  std::set<MismatchKind> kinds;            // of all differences that were found
  // All differences are within the tie that LIMIT or OFFSET cuts: nothing is known.
  bool cut_tie = false;
  // Columns in two formats that cannot be compared: nothing is known. `detail` says which.
  bool incomparable = false;
  std::string detail;            // one line, no values: which column, which types, how many rows
  std::vector<EqualStep> steps;  // of equal results: `exact` alone, or the steps that were needed
  std::vector<RowDifference> differences;  // the first kDifferencesShown
};

// Shape first, then rows. Types that match_types() does not call comparable are `column_type`.
//
// Rows: legacy's ORDER BY is the contract (compare.order may say otherwise). Rows that tie under it
// may come in any sequence (step `order`); where its keys are not in the output, the same rows are
// enough (`order_unproven`); without it they are multisets. Rows that differ are aligned by the
// pairing's key columns where there are any, else by the sort keys, else not at all; kinds have the
// precedence of MismatchKind. A step under compare.treat that was needed is a mismatch: `order` of
// a sequence, `value` of anything else.
Comparison compare_results(const ResultSet& legacy, const ResultSet& rewrite,
                           const ComparisonBasis& basis);

// Two results of one side itself, by all their columns and without tolerance.
enum class Sameness {
  same,
  different,
  cut_tie,      // they differ where LIMIT or OFFSET cuts rows that tie
  incomparable  // formats that do not compare
};
Sameness same_result(const ResultSet& first, const ResultSet& second, const ComparisonBasis& basis,
                     Side side);

// How one statement ended in the snapshot.
struct StepResult {
  bool ran = false;
  std::string sqlstate;      // empty = it has a result
  std::string message;       // the server's text: --dev only
  std::size_t position = 0;  // of the error in the statement: its character, from 1; 0 = not told
  ResultSet result;
  std::vector<std::uint32_t> parameter_types;  // of a description: of $1, $2, ...
  // Instead of the rows of a result over the capture limit; `result` then has the columns only.
  std::shared_ptr<const DigestedResult> digest;
  double seconds = 0;
  std::size_t rows() const { return digest == nullptr ? result.rows() : digest->rows; }
};

struct SnapshotResult {
  StepResult legacy_first;
  StepResult legacy_second;
  StepResult rewrite;
};

// The outcome table of "Comparison" in the README: the first line that holds. Fills end, kind,
// detail, steps, vacuous, SQLSTATEs, row counts, seconds, columns, differences and messages of an
// Outcome (the engine removes values unless --dev).
Outcome decide(const ComparisonBasis& basis, const SnapshotResult& snapshot,
               const LiveResult& live);

// Whether the client's rows can be held against the shadow's at all: each pair is one attribute of
// one table. One of them as verified, with the formats of what the client got.
bool may_settle_live(const Pairing& pairing, const std::vector<ColumnInfo>& legacy,
                     const std::vector<ColumnInfo>& rewrite);

// What the client got against the other side alone. Nothing unless that may_settle_live() and they
// are equal: then a snapshot has to decide. `live.result` must be there.
std::optional<Outcome> decide_live(const ComparisonBasis& basis, const LiveResult& live,
                                   const StepResult& shadow);

}  // namespace parallax::shadow
