#include "shadow/replay/side_run.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace parallax::shadow {

std::vector<std::vector<std::size_t>> levels_of(const SideRequest& request) {
  std::vector<std::vector<std::size_t>> levels{{0}};
  if (request.statements == nullptr) return levels;
  const auto& statements = *request.statements;
  std::vector<std::size_t> depth(statements.size(), 0);
  for (std::size_t i = 1; i < statements.size(); ++i) {
    depth[i] = depth[statements[i].link->parent] + 1;
    if (levels.size() <= depth[i]) levels.emplace_back();
    levels[depth[i]].push_back(i);
  }
  return levels;
}

// What the list means does not depend on its order, nor on members that occur twice or are NULL.
BoundStatement SideRun::bind(std::size_t statement) const {
  if (statement == 0) return request_->root;
  const Link& link = *(*request_->statements)[statement].link;
  const std::size_t column = request_->stitching->parts[statement].parent_column;
  const ResultSet& parent = results_[link.parent].result;
  std::set<std::string_view> members;
  for (std::size_t row = 0; row < parent.rows(); ++row) {
    if (const auto cell = parent.cell(row, column)) members.insert(*cell);
  }
  NamedValues values = request_->values;
  NamedValue& list = values[link.list_name];
  list = {.list = true, .members = {}};
  for (const auto member : members) {
    list.members.emplace_back();
    list.members.back().bytes = member;
  }
  return request_->bind(statement, values);
}

bool SideRun::cannot_go_on() const {
  for (std::size_t i = 0; i < results_.size(); ++i) {
    const StepResult& result = results_[i];
    if (!result.sqlstate.empty()) return true;
    if (request_->statements == nullptr || !result.ran) continue;
    if (result.result.columns().size() != request_->stitching->parts[i].columns.size()) return true;
  }
  return false;
}

std::optional<ResultSet> SideRun::stitched() const {
  std::vector<ResultSet> missing;  // behind a statement of other columns nothing has run
  missing.reserve(results_.size());
  std::vector<const ResultSet*> parts;
  for (std::size_t i = 0; i < results_.size(); ++i) {
    if (results_[i].ran) {
      parts.push_back(&results_[i].result);
    } else {
      parts.push_back(&missing.emplace_back(request_->stitching->parts[i].columns));
    }
  }
  return request_->stitch(parts);
}

// Of the one statement of a side.
std::optional<StepResult> SideRun::unnested() {
  StepResult step = std::move(results_.front());
  if (request_->unnest == nullptr || !step.ran || !step.sqlstate.empty()) return step;
  auto rows = request_->unnest(step.result);
  if (!rows) return std::nullopt;
  step.result = *std::move(rows);
  return step;
}

std::optional<StepResult> SideRun::whole() {
  if (results_.size() == 1) return unnested();
  StepResult whole;
  for (StepResult& result : results_) {
    if (!result.sqlstate.empty()) return std::move(result);
    whole.seconds += result.seconds;
  }
  whole.ran = std::ranges::all_of(results_, &StepResult::ran) || cannot_go_on();
  if (!whole.ran) return whole;
  auto rows = stitched();
  if (!rows) return std::nullopt;
  whole.result = *std::move(rows);
  return whole;
}

}  // namespace parallax::shadow
