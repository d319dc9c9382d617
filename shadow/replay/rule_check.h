#pragma once

// Verification of one rule on a shadow connection: what it would set off and may read is asked of
// the catalog; then both sides are prepared and described, never executed; columns are paired with
// the help of the catalog.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shadow/compare/pairing.h"
#include "shadow/compare/projection.h"
#include "shadow/options.h"
#include "shadow/replay/connection.h"
#include "shadow/replay/parameter_types.h"
#include "shadow/replay/read_only_transaction.h"
#include "shadow/rules/rule.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

struct Verification {
  RuleState state = RuleState::unverified;
  // Broken, but the server may mend it without a new configuration (a GRANT).
  bool may_mend = false;
  std::string reason;  // why broken, or what else is worth telling
  SourceMark place;    // of what cannot be prepared, else of the rule
  Pairing pairing;     // empty when the rewrite could not be prepared
  // What was paired: a result whose columns come from elsewhere is not what was verified.
  std::vector<ColumnInfo> legacy_columns;
  std::vector<ColumnInfo> rewrite_columns;
  // Of a side with several statements.
  std::shared_ptr<const Stitching> legacy_stitching;
  std::shared_ptr<const Stitching> rewrite_stitching;
  Projection projection;
  std::vector<ParameterTypes> parameters;
  NameTypes legacy_names;
  NameTypes rewrite_names;
  Catalog catalog;
  bool rewrite_prepared = false;
  std::size_t unprepared = 0;  // which statement of the rewrite could not be

  const std::vector<ColumnInfo>& columns(Side side) const {
    return side == Side::legacy ? legacy_columns : rewrite_columns;
  }
  const NameTypes& names(Side side) const {
    return side == Side::legacy ? legacy_names : rewrite_names;
  }
  const std::shared_ptr<const Stitching>& stitching(Side side) const {
    return side == Side::legacy ? legacy_stitching : rewrite_stitching;
  }
};

class RuleCheck {
 public:
  // The rule's verification, or why the server could not tell (to be tried again).
  using End = std::variant<Verification, ReplaySkip>;
  using Done = std::function<void(End)>;

  RuleCheck(io::Loop& loop, const Options& options, const Rule& rule);

  // Once. The connection must be idle; afterwards it is idle or closed. `done` may destroy this
  // object, and may come from within this call when nothing can be sent.
  void run(Connection& connection, Done done);

 private:
  // A side, by statement.
  struct Described {
    std::vector<DescribedColumns> columns;
    TypesByStatement parameters;
  };
  using Next = void (RuleCheck::*)(std::vector<StepResult>);

  void transaction(std::vector<TransactionStep> steps, Next next);
  void on_effects(std::vector<StepResult> results);
  void describe_lets();
  void on_legacy(std::vector<StepResult> results);
  void on_rewrite(std::vector<StepResult> results);
  void on_lets(std::vector<StepResult> results);
  void on_catalog(std::vector<StepResult> results);
  void ask_catalog();
  void describe_next();
  void describe(const RuleStatement& statement, Next next);
  std::string pair_sides(Verification& verification, DescribedColumns legacy,
                         DescribedColumns rewrite);
  void unreadable_catalog(const StepResult& step);
  void broken(std::string reason, bool may_mend = false);
  void finish(End end);

  const Options& options_;
  const Rule& rule_;
  ReadOnlyTransaction transaction_;
  Connection* connection_ = nullptr;
  Done done_;
  Described legacy_;
  Described rewrite_;
  std::string rewrite_error_;  // why it cannot be prepared; empty = it can
  SourceMark place_;           // of what is found
};

}  // namespace parallax::shadow
