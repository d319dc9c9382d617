#pragma once

// A rule, its metrics and outcomes of it, for tests of the journal.

#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "shadow/journal/journal_lines.h"
#include "shadow/outcome_counter.h"

namespace parallax::shadow::tests {

using Json = nlohmann::json;

inline Value text_value(std::string text) { return {false, false, 0, std::move(text)}; }
inline Value null_value() { return {true, false, 0, ""}; }
// int4 in binary format.
inline Value binary_value(std::string bytes) { return {false, true, 23, std::move(bytes)}; }

inline std::shared_ptr<const RuleSet> one_rule(std::vector<Expectation> expect = {}) {
  RuleSource source;
  source.expect = std::move(expect);
  source.name.text = "userRouter.get";
  source.legacy.front().sql.text = "SELECT name FROM users WHERE id = :id AND kind IN (:kinds)";
  source.rewrite.front().sql.text = "select name from users where id = :id and kind in (:kinds)";
  auto compiled = RuleSet::compile({source});
  if (const auto* problems = std::get_if<std::vector<ConfigProblem>>(&compiled)) {
    FAIL(problems->front().text());
  }
  return std::make_shared<const RuleSet>(std::get<RuleSet>(std::move(compiled)));
}

inline NamedValues values_of(const std::string& id, const std::vector<std::string>& kinds = {}) {
  NamedValues values;
  values["id"] = {false, {text_value(id)}};
  values["kinds"].list = true;
  for (const auto& kind : kinds) values["kinds"].members.push_back(text_value(kind));
  return values;
}

inline Outcome outcome_of(const Rule& rule, decltype(Outcome::end) end, NamedValues values) {
  Outcome outcome;
  outcome.rule = &rule;
  outcome.end = end;
  outcome.values = std::move(values);
  return outcome;
}

inline std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

struct TemporaryDirectory {
  TemporaryDirectory() {
    static std::atomic<int> made{0};
    path = std::filesystem::temp_directory_path() /
           ("parallax-journal-" + std::to_string(::getpid()) + '-' + std::to_string(made++));
    std::filesystem::create_directory(path);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string file(const char* name) const { return path / name; }
  std::filesystem::path path;
};

}  // namespace parallax::shadow::tests
