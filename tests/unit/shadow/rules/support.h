#pragma once

// Rules and values as short as the tests need them.

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "shadow/rules/rule.h"

namespace parallax::shadow::test {

// A rule as it would stand in r.yaml: its name in line `line`, legacy a block scalar in the lines
// after line + 1, rewrite after line + 100; SQL is indented by six.
inline RuleSource source(std::string name, std::string legacy, std::string rewrite, int line = 10) {
  RuleSource rule;
  rule.name = {std::move(name), {.file = "r.yaml", .line = line, .column = 3, .block = false}};
  rule.legacy.front().sql = {std::move(legacy),
                             {.file = "r.yaml", .line = line + 1, .column = 7, .block = true}};
  rule.rewrite.front().sql = {std::move(rewrite),
                              {.file = "r.yaml", .line = line + 100, .column = 7, .block = true}};
  return rule;
}

inline std::vector<std::string> problems(std::vector<RuleSource> sources) {
  const auto compiled = RuleSet::compile(std::move(sources));
  std::vector<std::string> texts;
  if (const auto* found = std::get_if<std::vector<ConfigProblem>>(&compiled)) {
    for (const auto& problem : *found) texts.push_back(problem.text());
  }
  return texts;
}

inline std::vector<std::string> problems(std::string legacy, std::string rewrite) {
  return problems({source("r", std::move(legacy), std::move(rewrite))});
}

inline RuleSet compile(std::vector<RuleSource> sources) {
  auto compiled = RuleSet::compile(std::move(sources));
  if (const auto* found = std::get_if<std::vector<ConfigProblem>>(&compiled)) {
    FAIL("refused: " << found->front().text());
  }
  return std::get<RuleSet>(std::move(compiled));
}

inline RuleSet compile(std::string legacy, std::string rewrite) {
  return compile({source("r", std::move(legacy), std::move(rewrite))});
}

inline Value text(std::string bytes) {
  return {.null = false, .binary = false, .type_oid = 0, .bytes = std::move(bytes)};
}
inline Value null() { return {.null = true, .binary = false, .type_oid = 0, .bytes = {}}; }
inline Value binary(std::uint32_t oid, std::string bytes) {
  return {.null = false, .binary = true, .type_oid = oid, .bytes = std::move(bytes)};
}

inline std::string key(std::string_view sql, ShapeDialect dialect = ShapeDialect::statement) {
  const auto shape = shape_of(sql, dialect);
  if (const auto* error = std::get_if<ShapeError>(&shape)) {
    FAIL("not read: " << error->message << " at " << error->offset << " in " << sql);
  }
  return std::get<StatementShape>(shape).key;
}

inline std::vector<std::string> texts(const std::vector<Value>& values) {
  std::vector<std::string> all;
  for (const auto& value : values) all.push_back(value.null ? "NULL" : value.bytes);
  return all;
}

// The seed of a random test: PARALLAX_SEED or a new one.
inline std::uint64_t seed() {
  if (const char* given = std::getenv("PARALLAX_SEED")) return std::strtoull(given, nullptr, 10);
  return std::random_device{}();
}

}  // namespace parallax::shadow::test
