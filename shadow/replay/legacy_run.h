#pragma once

// One run of legacy in a snapshot: its statements level by level, each child with the list that its
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

// What legacy consists of beyond its root.
struct ChildrenRequest {
  const Rule* rule = nullptr;  // null: the root is all
  NamedValues values;
  std::shared_ptr<const Stitching> stitching;
  // As stitch(); nothing = too much.
  std::function<std::optional<ResultSet>(std::span<const ResultSet* const>)> stitch;
};

// The statements of each level, as indexes of Rule::legacy: the root, its children, theirs.
std::vector<std::vector<std::size_t>> levels_of(const ChildrenRequest& request);

class LegacyRun {
 public:
  LegacyRun(const BoundStatement& root, const ChildrenRequest& children)
      : root_(&root), children_(&children), results_(count()) {}

  // Its parent must have a result.
  BoundStatement bind(std::size_t statement) const;
  void take(std::size_t statement, StepResult&& result) { results_[statement] = std::move(result); }
  // One has failed, or has other columns than verified: no child can follow.
  bool cannot_go_on() const;
  // All results as one, once; nothing = too much.
  std::optional<StepResult> whole();

 private:
  std::size_t count() const {
    return children_->rule == nullptr ? 1 : children_->rule->legacy.size();
  }
  std::optional<ResultSet> stitched() const;

  const BoundStatement* root_;
  const ChildrenRequest* children_;
  std::vector<StepResult> results_;
};

}  // namespace parallax::shadow
