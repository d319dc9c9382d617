#pragma once

// One operation that a journal holds with its values, run again: the way of `run` (verification,
// snapshot, comparison, verdict), without what the client got. Public face of shadow/.

#include <memory>
#include <string>
#include <variant>

#include "shadow/options.h"
#include "shadow/report.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

struct RecordedOperation {
  const Rule* rule = nullptr;
  Side side = Side::legacy;  // that the client had sent
  std::string sqlstate;      // of the client's error; empty: it had none
  NamedValues values;
  ReplayContextRef context;
  bool other_version = false;  // the rule has changed since
};

// From a verdict or sample line with `values: full`; or why it cannot be run again.
std::variant<RecordedOperation, std::string> recorded_operation(const std::string& line,
                                                                const RuleSet& rules);

// Why the shadow's user may not run it; empty: it may.
std::string other_user(const Options& options, const RecordedOperation& operation);

// One connection, one attempt; or why there is no connection or no verdict. Skips are outcomes.
std::variant<Outcome, std::string> replay_recorded(const Options& options, const RuleSet& rules,
                                                   const RecordedOperation& operation);

}  // namespace parallax::shadow
