#pragma once

// Runs each rule's rewrite with mistakes planted over operations that journals have recorded:
// `parallax ready --power`. Reads as `run` does, and is as much load: mistakes times operations at
// most, one connection. Public face of shadow/.

#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "shadow/options.h"
#include "shadow/power/rule_power.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// Sample lines of a rule.
using SampleLines = std::function<std::vector<std::string>(const std::string& rule)>;

// Of the rules of these names, by name; or why there is no connection.
std::variant<std::map<std::string, RulePower>, std::string> measure_power(
    const Options& options, const RuleSet& rules, const std::vector<std::string>& names,
    const SampleLines& samples);

}  // namespace parallax::shadow
