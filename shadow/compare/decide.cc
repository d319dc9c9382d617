// The verdict of one snapshot: the outcome table of "Comparison" in the README, line by line.

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "shadow/compare/compare.h"
#include "shadow/compare/digest_compare.h"
#include "shadow/compare/sqlstate.h"
#include "shadow/compare/wording.h"

namespace parallax::shadow {
namespace {

// The steps in the order in which their errors are looked at.
constexpr std::size_t kSteps = 3;
constexpr std::array<std::string_view, kSteps> kStepNames = {"legacy", "legacy, second run",
                                                             "rewrite"};

std::array<const StepResult*, kSteps> steps_of(const SnapshotResult& snapshot) {
  return {&snapshot.legacy_first, &snapshot.legacy_second, &snapshot.rewrite};
}

bool failed(const StepResult& step) { return !step.sqlstate.empty(); }
bool has_result(const StepResult& step) { return step.ran && step.sqlstate.empty(); }
bool is_digested(const StepResult& step) { return step.digest != nullptr; }

std::string in_words(std::string_view sqlstate) {
  if (sqlstate.empty()) return "no error";
  return "SQLSTATE " + std::string(sqlstate);
}

bool same_formats(const std::vector<ColumnInfo>& first, const std::vector<ColumnInfo>& second) {
  return std::ranges::equal(first, second, {}, &ColumnInfo::binary, &ColumnInfo::binary);
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
        live_sqlstate_(live.sqlstate),
        live_step_(live.side == Side::legacy ? legacy_ : rewrite_) {}

  Outcome run() {
    take_facts();
    if (step_error_decides()) return std::move(out_);
    if (failed(live_step_) && live_sqlstate_.empty()) {
      end(SkipReason::context, std::string(name(live_.side)) + ": " +
                                   in_words(live_step_.sqlstate) +
                                   " in the snapshot, none for the client");
    } else if (failed(legacy_)) {
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

  // A difference between legacy and the rewrite.
  void differ(MismatchKind kind, const std::set<MismatchKind>& kinds, std::string detail) {
    end(all_expected(kinds) ? Verdict::expected : Verdict::mismatch, std::move(detail));
    out_.kind = kind;
  }

  // Every kind stands in some expectation that is in force.
  bool all_expected(const std::set<MismatchKind>& kinds) const {
    const auto& expect = rule_.source.expect;
    return std::all_of(kinds.begin(), kinds.end(), [&](MismatchKind kind) {
      return std::any_of(expect.begin(), expect.end(), [&](const Expectation& one) {
        return one.in_force(basis_.today) && one.kinds.contains(kind);
      });
    });
  }

  void take_facts() {
    const StepResult& second = snapshot_.legacy_second;
    const StepResult& legacy = failed(legacy_) || !failed(second) ? legacy_ : second;
    out_.rule = &rule_;
    out_.side = live_.side;
    out_.legacy_sqlstate = legacy.sqlstate;
    out_.rewrite_sqlstate = rewrite_.sqlstate;
    out_.legacy_message = legacy.message;
    out_.rewrite_message = rewrite_.message;
    out_.legacy_rows = legacy_.rows();
    out_.rewrite_rows = rewrite_.rows();
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
    return ends_by(is_timeout, Verdict::timeout) ||
           ends_by([](const std::string& sqlstate) { return sqlstate == kInsufficientPrivilege; },
                   SkipReason::rights) ||
           ends_by(is_server_trouble, SkipReason::server);
  }

  // Legacy fails in the snapshot, with an error of its own.
  void decide_failed_legacy() {
    const bool as_client = legacy_.sqlstate == live_sqlstate_;
    if (!rewrite_.ran && !failed(rewrite_)) {
      // Nothing to compare with. Alone this says nothing of the rewrite.
      end(as_client ? SkipReason::server : SkipReason::context,
          "legacy: " + in_words(legacy_.sqlstate) + ", client: " + in_words(live_sqlstate_) +
              "; the rewrite did not run");
    } else if (rewrite_.sqlstate != legacy_.sqlstate) {
      differ(MismatchKind::error, {MismatchKind::error},
             "legacy: " + in_words(legacy_.sqlstate) + ", rewrite: " + in_words(rewrite_.sqlstate));
    } else if (!as_client) {
      end_race();
    } else {
      end(Verdict::match, {});
      out_.steps = {EqualStep::exact};
      out_.vacuous = true;
    }
  }

  // Legacy ran once or twice: unstable, or not even twice.
  bool legacy_runs_decide() {
    const StepResult& second = snapshot_.legacy_second;
    if (failed(second)) {
      end(Verdict::unstable, "legacy, second run: " + in_words(second.sqlstate));
    } else if (!has_result(legacy_) || !has_result(second)) {
      end(SkipReason::server, "the snapshot ended before legacy had run twice");
    } else if (!same_runs(second)) {
      end(Verdict::unstable,
          "legacy gave two results in one snapshot: " + counted(legacy_.rows(), "row") + " and " +
              std::to_string(second.rows()));
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
    if (is_digested(legacy_) || is_digested(rewrite_)) {
      auto compared = compare_digests(legacy_, rewrite_, basis_);
      if (auto* comparison = std::get_if<Comparison>(&compared)) {
        decide_comparison(std::move(*comparison));
      } else {
        end(SkipReason::too_large,
            "over the capture limit, and digests do not tell: " + std::get<std::string>(compared));
      }
    } else {
      decide_comparison(compare_results(legacy_.result, rewrite_.result, basis_));
    }
  }

  void decide_comparison(Comparison&& comparison) {
    std::string race = compare_live();
    if (comparison.difference) {
      differ(*comparison.difference, comparison.kinds, std::move(comparison.detail));
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

  bool same_runs(const StepResult& second) const {
    if (is_digested(legacy_) || is_digested(second)) {
      const auto& basis = (is_digested(legacy_) ? legacy_ : second).digest->basis;
      return digest_of(legacy_, basis, Side::legacy)
          .same_rows(digest_of(second, basis, Side::legacy));
    }
    return same_result(legacy_.result, second.result, basis_, Side::legacy) == Sameness::same;
  }

  // How what the client got differs from that side's result in the snapshot; empty when it does
  // not.
  std::string compare_live() {
    out_.live_compared = !live_sqlstate_.empty() || live_.rows || live_.result != nullptr;
    std::string difference;
    if (!live_sqlstate_.empty()) {
      difference = "client: " + in_words(live_sqlstate_) + ", in the snapshot: no error";
    } else if (live_.rows && *live_.rows != live_step_.rows()) {
      difference = "client: " + counted(*live_.rows, "row") +
                   ", in the snapshot: " + std::to_string(live_step_.rows());
    } else if (live_.result != nullptr && live_rows_differ(*live_.result)) {
      difference = "the client got other rows than " +
                   std::string(live_.side == Side::legacy ? "legacy" : "the rewrite") +
                   " gives in the snapshot";
    }
    out_.live_differs = !difference.empty();
    return difference;
  }

  // Not where that cannot be said.
  bool live_rows_differ(const ResultSet& live) const {
    if (!is_digested(live_step_)) {
      const Sameness sameness = compare_live_rows(live);
      return sameness == Sameness::different || sameness == Sameness::cut_tie;
    }
    if (!same_formats(live.columns(), live_step_.result.columns())) return false;
    ResultDigest digest(live_step_.digest->basis, live.columns(), live_.side);
    digest.add_rows(live);
    return !digest.finish().same_rows(*live_step_.digest);
  }

  // The wire names no types. With the client's parameters they are what the same statement has in
  // the snapshot, which may not be what it was verified with.
  Sameness compare_live_rows(const ResultSet& live) const {
    const ResultSet& now = live_step_.result;
    if (live.columns().size() != now.columns().size() || same_types(live.columns(), now.columns()))
      return same_result(live, now, basis_, live_.side);
    ResultSet typed = live;
    typed.describe(now.columns());
    return same_result(typed, now, basis_, live_.side);
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
  const StepResult& live_step_;  // of the side that the client sent
  Outcome out_;
};

}  // namespace

Outcome decide(const ComparisonBasis& basis, const SnapshotResult& snapshot,
               const LiveResult& live) {
  return Decision(basis, snapshot, live).run();
}

}  // namespace parallax::shadow
