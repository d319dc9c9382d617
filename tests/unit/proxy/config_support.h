#pragma once

// Configurations in memory for tests.

#include <map>
#include <string>
#include <vector>

#include "proxy/config.h"

namespace parallax::proxy {

struct MemoryFiles {
  std::map<std::string, std::string> files;
  std::map<std::string, std::vector<std::string>> globs;
  std::map<std::string, std::string> variables;

  FileSource source() const {
    return {[this](const std::string& path) -> std::variant<std::string, FileError> {
              const auto found = files.find(path);
              if (found == files.end()) return FileError{"No such file or directory"};
              return found->second;
            },
            [this](const std::string& pattern) -> std::vector<std::string> {
              if (const auto found = globs.find(pattern); found != globs.end())
                return found->second;
              return files.contains(pattern) ? std::vector{pattern} : std::vector<std::string>{};
            }};
  }
  Environment environment() const {
    return [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
  }
  ConfigOrProblems parse(const std::string& text) const {
    return parse_config(text, "f.yaml", environment(), source());
  }
  // Each problem on a line; empty for a good configuration.
  std::string problems(const std::string& text) const {
    const auto result = parse(text);
    std::string out;
    if (const auto* list = std::get_if<std::vector<shadow::ConfigProblem>>(&result)) {
      for (const auto& problem : *list) out += problem.text() + '\n';
    }
    return out;
  }
};

}  // namespace parallax::proxy
