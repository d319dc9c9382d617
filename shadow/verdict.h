#pragma once

// The closed sets in which every operation ends. Conservation law: operations = verdicts + skipped
// + dropped + in flight.

#include <array>
#include <cstddef>
#include <string_view>

namespace parallax::shadow {

enum class Verdict { match, mismatch, rewrite_error, unstable, race, expected, timeout };
inline constexpr std::array kVerdicts = {
    Verdict::match, Verdict::mismatch, Verdict::rewrite_error, Verdict::unstable,
    Verdict::race,  Verdict::expected, Verdict::timeout};

enum class SkipReason {
  sampled_out,
  pin,
  context,
  rights,
  server,
  txn_wrote,
  temp_objects,
  unverified,
  broken,
  too_large,
  incomplete,
  ambiguous,
  one_way,
  other_database,
  too_many_connections,
  desync,
  breaker,
  off
};
inline constexpr std::array kSkipReasons = {SkipReason::sampled_out,
                                            SkipReason::pin,
                                            SkipReason::context,
                                            SkipReason::rights,
                                            SkipReason::server,
                                            SkipReason::txn_wrote,
                                            SkipReason::temp_objects,
                                            SkipReason::unverified,
                                            SkipReason::broken,
                                            SkipReason::too_large,
                                            SkipReason::incomplete,
                                            SkipReason::ambiguous,
                                            SkipReason::one_way,
                                            SkipReason::other_database,
                                            SkipReason::too_many_connections,
                                            SkipReason::desync,
                                            SkipReason::breaker,
                                            SkipReason::off};

enum class DropReason { queue_jobs, queue_bytes, drain };
inline constexpr std::array kDropReasons = {DropReason::queue_jobs, DropReason::queue_bytes,
                                            DropReason::drain};

// In order of precedence: a mismatch counts one, the first that holds. Missing and extra are
// relative to legacy.
enum class MismatchKind {
  error,
  column_count,
  column_type,
  missing_row,
  extra_row,
  null,
  value,
  order,
  json_hazard,
  row_count
};
inline constexpr std::array kMismatchKinds = {MismatchKind::error,       MismatchKind::column_count,
                                              MismatchKind::column_type, MismatchKind::missing_row,
                                              MismatchKind::extra_row,   MismatchKind::null,
                                              MismatchKind::value,       MismatchKind::order,
                                              MismatchKind::json_hazard, MismatchKind::row_count};

// The step that made two results equal.
enum class EqualStep { exact, order, numeric_scale, type_width, enum_text };
inline constexpr std::array kEqualSteps = {EqualStep::exact, EqualStep::order,
                                           EqualStep::numeric_scale, EqualStep::type_width,
                                           EqualStep::enum_text};

enum class RuleState { unverified, ready, broken, context_drift };
inline constexpr std::array kRuleStates = {RuleState::unverified, RuleState::ready,
                                           RuleState::broken, RuleState::context_drift};

std::string_view name(Verdict verdict);
std::string_view name(SkipReason reason);
std::string_view name(DropReason reason);
std::string_view name(MismatchKind kind);
std::string_view name(EqualStep step);
std::string_view name(RuleState state);

}  // namespace parallax::shadow
