#pragma once

// A configuration with its rules compiled: what `run` serves and `check` judges.

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proxy/config.h"
#include "proxy/state_dir.h"
#include "proxy/tls_contexts.h"
#include "shadow/journal/journal_file.h"
#include "shadow/rules/rule.h"

namespace parallax::proxy {

struct LoadedConfig {
  Config config;  // its `rules` have moved into the set
  std::shared_ptr<const shadow::RuleSet> rules;
  std::unique_ptr<TlsContexts> tls;
  std::unique_ptr<shadow::JournalFile> journal;  // null until it is opened, and without one
  std::unique_ptr<StateDir> state_dir;           // the same
};

// Everything that can be found without a server, or all problems. `dev`: see enable_dev.
std::variant<LoadedConfig, std::vector<shadow::ConfigProblem>> load_with_rules(
    const std::string& path, const Environment& environment, bool dev);

// Opens the journal where one is configured; nothing, or why it cannot be opened. What serves calls
// it, what only judges does not: it makes the file.
std::optional<shadow::ConfigProblem> open_journal(LoadedConfig& loaded);
// The same for the state directory.
std::optional<shadow::ConfigProblem> open_state_dir(LoadedConfig& loaded);

}  // namespace parallax::proxy
