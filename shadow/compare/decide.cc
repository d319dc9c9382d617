// The verdict of one snapshot: the outcome table of "Comparison" in the README, line by line.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "shadow/compare/compare.h"
#include "shadow/compare/wording.h"

namespace parallax::shadow {
namespace {

// Appendix A of the PostgreSQL manual.
constexpr std::string_view kQueryCanceled = "57014";
constexpr std::string_view kLockNotAvailable = "55P03";
constexpr std::string_view kInsufficientPrivilege = "42501";
// Connection, transaction rollback, resources, operator intervention, system, internal: these say
// something about the server and nothing about the statement.
constexpr std::array<std::string_view, 6> kServerClasses = {"08", "40", "53", "57", "58", "XX"};

// The steps in the order in which their errors are looked at.
constexpr std::size_t kSteps = 3;
constexpr std::array<std::string_view, kSteps> kStepNames = {"legacy", "legacy, second run",
                                                             "rewrite"};

std::array<const StepResult*, kSteps> steps_of(const SnapshotResult& snapshot) {
  return {&snapshot.legacy_first, &snapshot.legacy_second, &snapshot.rewrite};
}

bool failed(const StepResult& step) { return !step.sqlstate.empty(); }
bool has_result(const StepResult& step) { return step.ran && step.sqlstate.empty(); }

std::string in_words(std::string_view sqlstate) {
  if (sqlstate.empty()) return "no error";
  return "SQLSTATE " + std::string(sqlstate);
}

class Decision {
 public:
  Decision(const ComparisonBasis& basis, const SnapshotResult& snapshot, const LiveResult& live)
      : basis_(basis),
        rule_(basis.rule),
        snapshot_(snapshot),
        legacy_(snapshot.legacy_first),
        rewrite_(snapshot.rewrite),
        live_(live),
        live_sqlstate_(live.sqlstate) {}

  Outcome run() {
    take_facts();
    if (step_error_decides()) return std::move(out_);
    if (failed(legacy_)) {
      decide_failed_legacy();
    } else if (legacy_runs_decide()) {
      return std::move(out_);
    } else if (failed(rewrite_)) {
      end(Verdict::rewrite_error, in_words(rewrite_.sqlstate));
    } else if (!rewrite_.ran) {
      end(SkipReason::server, "the snapshot ended before the rewrite ran");
    } else {
      decide_results();
    }
    return std::move(out_);
  }

 private:
  void end(std::variant<Verdict, SkipReason, DropReason> how, std::string detail) {
    out_.end = how;
    out_.detail = std::move(detail);
  }

  void mismatch(MismatchKind kind, std::string detail) {
    end(Verdict::mismatch, std::move(detail));
    out_.kind = kind;
  }

  void take_facts() {
    const StepResult& second = snapshot_.legacy_second;
    const StepResult& legacy = failed(legacy_) || !failed(second) ? legacy_ : second;
    out_.rule = &rule_;
    out_.legacy_sqlstate = legacy.sqlstate;
    out_.rewrite_sqlstate = rewrite_.sqlstate;
    out_.legacy_message = legacy.message;
    out_.rewrite_message = rewrite_.message;
    out_.legacy_rows = legacy_.result.rows();
    out_.rewrite_rows = rewrite_.result.rows();
    out_.legacy_seconds = legacy_.seconds;
    out_.rewrite_seconds = rewrite_.seconds;
  }

  // Errors that stop the comparison, whichever step met them.
  bool step_error_decides() {
    const auto ends_by = [this](auto&& belongs, auto how) {
      for (std::size_t i = 0; i < kSteps; ++i) {
        const std::string& sqlstate = steps_of(snapshot_)[i]->sqlstate;
        if (sqlstate.empty() || !belongs(sqlstate)) continue;
        end(how, std::string(kStepNames[i]) + ": " + in_words(sqlstate));
        return true;
      }
      return false;
    };
    return ends_by(
               [](const std::string& sqlstate) {
                 return sqlstate == kQueryCanceled || sqlstate == kLockNotAvailable;
               },
               Verdict::timeout) ||
           ends_by([](const std::string& sqlstate) { return sqlstate == kInsufficientPrivilege; },
                   SkipReason::rights) ||
           ends_by(
               [](const std::string& sqlstate) {
                 return std::any_of(
                     kServerClasses.begin(), kServerClasses.end(),
                     [&](std::string_view prefix) { return sqlstate.starts_with(prefix); });
               },
               SkipReason::server);
  }

  // Legacy fails in the snapshot, with an error of its own.
  void decide_failed_legacy() {
    const bool as_client = legacy_.sqlstate == live_sqlstate_;
    if (live_sqlstate_.empty()) {
      end(SkipReason::context,
          "legacy: " + in_words(legacy_.sqlstate) + " in the snapshot, none for the client");
    } else if (!rewrite_.ran && !failed(rewrite_)) {
      // Nothing to compare with. Alone this says nothing of the rewrite.
      end(as_client ? SkipReason::server : SkipReason::context,
          "legacy: " + in_words(legacy_.sqlstate) + ", client: " + in_words(live_sqlstate_) +
              "; the rewrite did not run");
    } else if (rewrite_.sqlstate != legacy_.sqlstate) {
      mismatch(MismatchKind::error, "legacy: " + in_words(legacy_.sqlstate) +
                                        ", rewrite: " + in_words(rewrite_.sqlstate));
    } else if (!as_client) {
      end_race();
    } else {
      end(Verdict::match, {});
      out_.steps = {EqualStep::exact};
    }
  }

  // Legacy ran once or twice: unstable, or not even twice.
  bool legacy_runs_decide() {
    const StepResult& second = snapshot_.legacy_second;
    if (failed(second)) {
      end(Verdict::unstable, "legacy, second run: " + in_words(second.sqlstate));
    } else if (!has_result(legacy_) || !has_result(second)) {
      end(SkipReason::server, "the snapshot ended before legacy had run twice");
    } else if (same_result(legacy_.result, second.result, basis_) != Sameness::same) {
      end(Verdict::unstable,
          "legacy gave two results in one snapshot: " + counted(legacy_.result.rows(), "row") +
              " and " + std::to_string(second.result.rows()));
    } else {
      return false;
    }
    return true;
  }

  void decide_results() {
    if (legacy_.result.columns().size() != basis_.pairing.legacy_columns) {
      // Its columns are no longer those that were paired: nothing is known of the rewrite.
      end(SkipReason::broken, "legacy has " + counted(legacy_.result.columns().size(), "column") +
                                  ", at verification it had " +
                                  std::to_string(basis_.pairing.legacy_columns));
      return;
    }
    for (const ColumnPair& pair : basis_.pairing.pairs) {
      out_.columns.push_back(legacy_.result.columns()[pair.legacy].label);
    }
    Comparison comparison = compare_results(legacy_.result, rewrite_.result, basis_);
    std::string race = compare_live();
    if (comparison.difference) {
      mismatch(*comparison.difference, std::move(comparison.detail));
      out_.differences = std::move(comparison.differences);
    } else if (comparison.incomparable) {
      end(SkipReason::context, std::move(comparison.detail));
    } else if (comparison.cut_tie) {
      end(Verdict::unstable, std::move(comparison.detail));
    } else if (!race.empty()) {
      end(Verdict::race, std::move(race));
    } else {
      end(Verdict::match, {});
      out_.steps = std::move(comparison.steps);
      out_.vacuous = out_.legacy_rows == 0 && out_.rewrite_rows == 0;
    }
  }

  // How what the client got differs from legacy's result in the snapshot; empty when it does not.
  std::string compare_live() {
    out_.live_compared = !live_sqlstate_.empty() || live_.rows || live_.result != nullptr;
    std::string difference;
    if (!live_sqlstate_.empty()) {
      difference = "client: " + in_words(live_sqlstate_) + ", in the snapshot: no error";
    } else if (live_.rows && *live_.rows != legacy_.result.rows()) {
      difference = "client: " + counted(*live_.rows, "row") +
                   ", in the snapshot: " + std::to_string(legacy_.result.rows());
    } else if (live_.result != nullptr) {
      const Sameness sameness = same_result(*live_.result, legacy_.result, basis_);
      if (sameness == Sameness::different || sameness == Sameness::cut_tie) {
        difference = "the client got other rows than legacy gives in the snapshot";
      }
    }
    out_.live_differs = !difference.empty();
    return difference;
  }

  // Both sides agree with each other and not with the client.
  void end_race() {
    end(Verdict::race,
        "client: " + in_words(live_sqlstate_) + ", in the snapshot: " + in_words(legacy_.sqlstate));
  }

  const ComparisonBasis& basis_;
  const Rule& rule_;
  const SnapshotResult& snapshot_;
  const StepResult& legacy_;
  const StepResult& rewrite_;
  const LiveResult& live_;
  const std::string& live_sqlstate_;
  Outcome out_;
};

}  // namespace

Outcome decide(const ComparisonBasis& basis, const SnapshotResult& snapshot,
               const LiveResult& live) {
  return Decision(basis, snapshot, live).run();
}

// A DataRow does not say the types of its cells. Where both sides are the same attribute of the
// same table, they have the one that the rewrite's has now; of anything else, the type that was
// verified may be another for these parameters.
bool may_settle_live(const Pairing& pairing, const std::vector<ColumnInfo>& live,
                     const std::vector<ColumnInfo>& rewrite) {
  if (live.size() != pairing.legacy_columns || rewrite.size() != pairing.rewrite_columns)
    return false;
  return std::all_of(pairing.pairs.begin(), pairing.pairs.end(), [&](const ColumnPair& pair) {
    const ColumnInfo& left = live[pair.legacy];
    const ColumnInfo& right = rewrite[pair.rewrite];
    return left.table_oid != 0 && left.table_oid == right.table_oid &&
           left.attribute == right.attribute;
  });
}

std::optional<Outcome> decide_live(const ComparisonBasis& basis, const LiveResult& live,
                                   const StepResult& rewrite) {
  if (!live.sqlstate.empty() || !has_result(rewrite)) return std::nullopt;
  const ResultSet& legacy = *live.result;
  const auto& columns = rewrite.result.columns();
  if (!may_settle_live(basis.pairing, legacy.columns(), columns)) return std::nullopt;
  Comparison comparison = compare_results(legacy, rewrite.result, basis);
  if (comparison.difference || comparison.cut_tie || comparison.incomparable) return std::nullopt;
  Outcome out;
  out.rule = &basis.rule;
  out.end = Verdict::match;
  out.steps = std::move(comparison.steps);
  out.legacy_rows = legacy.rows();
  out.rewrite_rows = rewrite.result.rows();
  out.vacuous = out.legacy_rows == 0 && out.rewrite_rows == 0;
  out.rewrite_seconds = rewrite.seconds;
  out.live_compared = true;
  return out;
}

}  // namespace parallax::shadow
