#pragma once

// What a server says of the rules, once: each is verified and explained on a shadow connection, as
// an engine would do it. Public face of shadow/.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shadow/compare/pairing.h"
#include "shadow/options.h"
#include "shadow/query_plan.h"
#include "shadow/replay/connection_error.h"
#include "shadow/rule_source.h"
#include "shadow/rules/rule.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

struct CheckedPair {
  std::string legacy;  // labels
  std::string rewrite;
  PairedBy by = PairedBy::column;
  std::string legacy_type;
  std::string rewrite_type;
  bool comparable = true;                        // false: every comparison finds `column_type`
  std::optional<EqualStep> step = std::nullopt;  // by which the values of two types are compared
};

struct CheckedRule {
  const Rule* rule = nullptr;
  RuleState state = RuleState::unverified;
  // Why the rule is not ready; or, though it is, why every comparison would end as `rewrite_error`
  // or `mismatch`.
  std::vector<ConfigProblem> problems;
  std::vector<std::string> notes;  // of the pairing and of the names' types
  std::vector<CheckedPair> pairs;  // in legacy order; empty unless both sides were prepared
  QueryPlan legacy_plan;           // generic; empty where the server gave none
  QueryPlan rewrite_plan;

  bool good() const { return state == RuleState::ready && problems.empty(); }
};

struct OnlineFindings {
  std::string warning;  // of the server and the shadow's role; empty = none
  std::string information;
  std::vector<CheckedRule> rules;  // in file order
};

// One connection, one attempt; takes no longer than the time limits in `options` allow. Or why
// there is no connection.
std::variant<OnlineFindings, ConnectionError> check_online(const Options& options,
                                                           const RuleSet& rules);

}  // namespace parallax::shadow
