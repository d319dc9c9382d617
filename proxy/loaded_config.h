#pragma once

// A configuration with its rules compiled: what `run` serves and `check` judges.

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "proxy/config.h"
#include "proxy/tls_contexts.h"
#include "shadow/rules/rule.h"

namespace parallax::proxy {

struct LoadedConfig {
  Config config;  // its `rules` have moved into the set
  std::shared_ptr<const shadow::RuleSet> rules;
  std::unique_ptr<TlsContexts> tls;
};

// Everything that can be found without a server, or all problems. `dev`: see enable_dev.
std::variant<LoadedConfig, std::vector<shadow::ConfigProblem>> load_with_rules(
    const std::string& path, const Environment& environment, bool dev);

}  // namespace parallax::proxy
