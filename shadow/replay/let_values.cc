#include "shadow/replay/let_values.h"

#include <cstddef>
#include <utility>

#include "shadow/compare/wording.h"

namespace parallax::shadow {

std::vector<TransactionStep> let_steps(const LetRequest& request) {
  std::vector<TransactionStep> steps;
  for (BoundStatement& bound : request.rule->bind_lets(request.values)) {
    steps.push_back(
        {TransactionStep::Kind::query, std::move(bound.sql), std::move(bound.parameters)});
  }
  return steps;
}

std::variant<NamedValues, LetFailure> with_lets(const LetRequest& request,
                                                const std::vector<StepResult>& results) {
  NamedValues values = request.values;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const StepResult& step = results[i];
    const std::string& name = request.rule->lets[i].name;
    if (!step.sqlstate.empty() || !step.ran) {
      return LetFailure{step, "let " + name + ": SQLSTATE " + step.sqlstate};
    }
    if (step.result.rows() != 1 || step.result.columns().size() != 1) {
      return LetFailure{step, "let " + name + ": " + counted(step.result.rows(), "row") + " of " +
                                  counted(step.result.columns().size(), "column")};
    }
    const auto cell = step.result.cell(0, 0);
    values[name] = {false, {Value{!cell, false, 0, std::string(cell.value_or(""))}}};
  }
  return values;
}

}  // namespace parallax::shadow
