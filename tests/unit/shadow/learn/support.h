#pragma once

// Traffic as short as the tests need it: statements that ran, with what they gave.

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "shadow/learn/inputs.h"
#include "shadow/learn/proposal.h"
#include "shadow/learn/statement_facts.h"
#include "shadow/learn/statement_log.h"

namespace parallax::shadow::test {

using Row = std::vector<std::optional<std::string>>;
using Texts = std::vector<std::optional<std::string>>;

inline StatementShape shape(const std::string& sql) {
  auto read = shape_of(sql, ShapeDialect::statement);
  if (const auto* error = std::get_if<ShapeError>(&read)) FAIL(error->message << ": " << sql);
  return std::get<StatementShape>(std::move(read));
}

inline std::shared_ptr<ResultSet> result(const std::vector<Row>& rows) {
  auto set =
      std::make_shared<ResultSet>(std::vector<ColumnInfo>(rows.empty() ? 0 : rows.front().size()));
  for (const Row& row : rows)
    for (const auto& cell : row) set->add_cell(cell);
  return set;
}

// A millisecond for each statement, one after the other.
class Traffic {
 public:
  explicit Traffic(StatementLog::Limits limits = {}) : log_(limits) {}

  Traffic& add(Side side, const std::string& sql, const Texts& parameters,
               const std::vector<Row>& rows, const std::string& operation = {}) {
    std::vector<Value> values;
    for (const auto& text : parameters) {
      values.emplace_back();
      values.back().null = !text;
      values.back().bytes = text.value_or("");
    }
    Observation seen;
    seen.operation = operation;
    seen.begin_ns = now_ns_ += kStepNs;
    seen.end_ns = now_ns_ + kStepNs / 2;
    seen.inputs = learned_inputs(shape(sql), values);
    seen.result = result(rows);
    log_.add(side, sql, shape(sql), std::move(seen), false);
    return *this;
  }
  Traffic& legacy(const std::string& sql, const Texts& parameters, const std::vector<Row>& rows,
                  const std::string& operation = {}) {
    return add(Side::legacy, sql, parameters, rows, operation);
  }
  Traffic& rewrite(const std::string& sql, const Texts& parameters, const std::vector<Row>& rows,
                   const std::string& operation = {}) {
    return add(Side::rewrite, sql, parameters, rows, operation);
  }
  void pause(std::uint64_t ns) { now_ns_ += ns; }

  StatementLog& log() { return log_; }
  LearnedTraffic take() { return log_.take(); }

  std::vector<ProposedRule> proposed(const RuleSet& known = {}) {
    auto traffic = take();
    return propose_rules(traffic, known, std::chrono::seconds(2)).rules;
  }
  ProposedRule only_rule() {
    auto rules = proposed();
    REQUIRE(rules.size() == 1);
    return rules.front();
  }

 private:
  static constexpr std::uint64_t kStepNs = 1'000'000;
  StatementLog log_;
  std::uint64_t now_ns_ = 0;
};

}  // namespace parallax::shadow::test
