#pragma once

// One run of a side in a snapshot: its statements level by level, each child with the list that its
// parent's rows in this very run give.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "shadow/compare/compare.h"
#include "shadow/compare/stitch.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

// What is run of a side.
struct SideRequest {
  BoundStatement root;  // as the client has sent it, or made from its values
  // Null: the root is all.
  const std::vector<RuleStatement>* statements = nullptr;
  std::function<BoundStatement(std::size_t statement, const NamedValues& values)> bind;
  NamedValues values;
  std::shared_ptr<const Stitching> stitching;
  // As stitch(); nothing = too much.
  std::function<std::optional<ResultSet>(std::span<const ResultSet* const>)> stitch;
  // Reads rows out of the JSON of a result, where the rule says so; nothing = too much. Null: as it
  // came.
  std::function<std::optional<ResultSet>(const ResultSet&)> unnest;
};

// The statements of each level, as indexes of Rule::of: the root, its children, theirs.
std::vector<std::vector<std::size_t>> levels_of(const SideRequest& request);

class SideRun {
 public:
  explicit SideRun(const SideRequest& request) : request_(&request), results_(count()) {}

  // Its parent must have a result.
  BoundStatement bind(std::size_t statement) const;
  void take(std::size_t statement, StepResult&& result) { results_[statement] = std::move(result); }
  // One has failed, or has other columns than verified: no child can follow.
  bool cannot_go_on() const;
  // All results as one, once; nothing = too much.
  std::optional<StepResult> whole();

 private:
  std::size_t count() const {
    return request_->statements == nullptr ? 1 : request_->statements->size();
  }
  std::optional<ResultSet> stitched() const;
  std::optional<StepResult> unnested();

  const SideRequest* request_;
  std::vector<StepResult> results_;
};

}  // namespace parallax::shadow
