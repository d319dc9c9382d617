#pragma once

// Rules in the grammar, made of what was seen; a person reads and saves them. Public face of
// shadow/.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shadow/learn/observation.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

struct ProposedStatement {
  std::string name;  // empty where it is the only one
  std::string sql;
};

struct ProposedRule {
  std::string name;
  std::vector<ProposedStatement> legacy;
  std::string rewrite;  // empty: none was seen
  std::vector<std::pair<std::string, std::string>> let;
  std::vector<std::pair<std::string, std::string>> columns;
  // Columns of legacy without a counterpart: a person says why, or that is wrong.
  std::vector<std::string> without_pair;
  std::vector<std::string> evidence;  // sentences: what was seen
  std::vector<std::string> problems;  // why it does not load as it stands; empty: it does
};

// What became of one statement.
struct StatementUse {
  std::vector<std::string> covered_by;   // rules that there are
  std::vector<std::string> proposed_in;  // rules that are proposed
  bool of_catalog = false;
};

struct Proposals {
  std::vector<ProposedRule> rules;
  std::vector<StatementUse> uses;  // by statement
};

// `known`: the rules that there are; what they cover is not proposed. `window`: within which the
// statements of an operation come. No parameter is in the proposals, pins excepted.
Proposals propose_rules(LearnedTraffic& traffic, const RuleSet& known,
                        std::chrono::milliseconds window);

}  // namespace parallax::shadow
