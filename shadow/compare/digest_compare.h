#pragma once

// Comparison by digests, where a result is over the capture limit.

#include <optional>
#include <string>
#include <variant>

#include "shadow/compare/compare.h"

namespace parallax::shadow {

// The digest of a step that has a result, of its rows where they were kept.
DigestedResult digest_of(const StepResult& step, const std::shared_ptr<const DigestBasis>& basis,
                         Side side);

// Shape first, as compare_results(). The same sequence, or the same multiset where the order does
// not count, is equal by the step `digest`; other rows are `row_count` or `value`. The text says
// why digests cannot tell. One of the steps at least has a digest.
std::variant<Comparison, std::string> compare_digests(const StepResult& legacy,
                                                      const StepResult& rewrite,
                                                      const ComparisonBasis& basis);

}  // namespace parallax::shadow
