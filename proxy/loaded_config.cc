#include "proxy/loaded_config.h"

#include <utility>

namespace parallax::proxy {

using shadow::ConfigProblem;

std::variant<LoadedConfig, std::vector<ConfigProblem>> load_with_rules(
    const std::string& path, const Environment& environment, bool dev) {
  auto read = load_config(path, environment);
  if (auto* problems = std::get_if<std::vector<ConfigProblem>>(&read)) return std::move(*problems);
  LoadedConfig loaded{std::get<Config>(std::move(read)), nullptr, std::make_unique<TlsContexts>(),
                      nullptr, nullptr};
  if (dev) {
    if (auto problem = enable_dev(loaded.config)) {
      return std::vector<ConfigProblem>{{{path, 1, 1}, std::move(*problem)}};
    }
  }
  auto tls_problems = loaded.tls->load(loaded.config);
  auto compiled = shadow::RuleSet::compile(std::move(loaded.config.rules));
  if (auto* problems = std::get_if<std::vector<ConfigProblem>>(&compiled)) {
    tls_problems.insert(tls_problems.end(), problems->begin(), problems->end());
  }
  if (!tls_problems.empty()) return tls_problems;
  loaded.config.rules.clear();
  const auto& warnings = std::get<shadow::RuleSet>(compiled).warnings();
  loaded.config.warnings.insert(loaded.config.warnings.end(), warnings.begin(), warnings.end());
  loaded.rules =
      std::make_shared<const shadow::RuleSet>(std::get<shadow::RuleSet>(std::move(compiled)));
  return loaded;
}

std::optional<ConfigProblem> open_journal(LoadedConfig& loaded) {
  if (!loaded.config.journal) return std::nullopt;
  const auto& [options, mark] = *loaded.config.journal;
  auto opened = shadow::JournalFile::open(options.path, options.max_bytes, options.max_files);
  if (const auto* error = std::get_if<std::string>(&opened)) {
    return ConfigProblem{mark, "`journal.path`: cannot open " + options.path + ": " + *error};
  }
  loaded.journal = std::get<std::unique_ptr<shadow::JournalFile>>(std::move(opened));
  return std::nullopt;
}

std::optional<ConfigProblem> open_state_dir(LoadedConfig& loaded) {
  if (!loaded.config.state_dir) return std::nullopt;
  const auto& [path, mark] = *loaded.config.state_dir;
  auto opened = StateDir::open(path);
  if (const auto* error = std::get_if<std::string>(&opened))
    return ConfigProblem{mark, "`state_dir`: cannot use " + path + ": " + *error};
  loaded.state_dir = std::get<std::unique_ptr<StateDir>>(std::move(opened));
  return std::nullopt;
}

}  // namespace parallax::proxy
