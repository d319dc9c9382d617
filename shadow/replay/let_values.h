#pragma once

// The `let` of a rule in a replay: what the server computes in the snapshot before the rewrite.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shadow/replay/read_only_transaction.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// A replay whose rewrite is bound when its lets are known.
struct LetRequest {
  const Rule* rule = nullptr;  // null: the rewrite needs none
  NamedValues values;          // of legacy's names
};

std::vector<TransactionStep> let_steps(const LetRequest& request);

// Why there is no rewrite.
struct LetFailure {
  StepResult step;     // of the let that failed
  std::string detail;  // "let title: SQLSTATE 22012"
};
// The values with those of the lets. `results`: of let_steps(), in order.
std::variant<NamedValues, LetFailure> with_lets(const LetRequest& request,
                                                const std::vector<StepResult>& results);

}  // namespace parallax::shadow
