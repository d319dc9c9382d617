#pragma once

// Whether a rule's clients and the shadow see the same data. One result that legacy in the snapshot
// does not give is a race with a writer; one after the other, it is a shadow that sees something
// else.

#include <cstdint>
#include <optional>
#include <string>

#include "shadow/verdict.h"

namespace parallax::shadow {

class DriftWatch {
 public:
  static constexpr std::uint32_t kDriftAfter = 100;  // differing results in a row

  struct Change {
    RuleState state;
    std::string reason;
  };
  // A client's result was held against the shadow's. What becomes of the rule's state; nothing when
  // it stays. Only `ready` and `context_drift` change.
  std::optional<Change> saw(bool differs, RuleState state);

 private:
  std::uint32_t differing_ = 0;
};

}  // namespace parallax::shadow
