#include "shadow/drift_watch.h"

namespace parallax::shadow {

std::optional<DriftWatch::Change> DriftWatch::saw(bool differs, RuleState state) {
  if (!differs) {
    differing_ = 0;
    if (state != RuleState::context_drift) return std::nullopt;
    return Change{RuleState::ready, "clients and the shadow see the same again"};
  }
  if (differing_ < kDriftAfter) ++differing_;
  if (differing_ < kDriftAfter || state != RuleState::ready) return std::nullopt;
  return Change{RuleState::context_drift,
                "none of the last " + std::to_string(kDriftAfter) +
                    " results of clients was what the same statement gives on the shadow"};
}

}  // namespace parallax::shadow
