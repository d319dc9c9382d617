#pragma once

// The closed sets of which everything is counted: sides, and in which every operation ends.
// Conservation law: operations = verdicts + skipped + dropped + in flight.

#include <array>
#include <cstddef>
#include <string_view>

namespace parallax::shadow {

// Of a rule. Whichever the client sends is live; the other is the shadow.
enum class Side { legacy, rewrite };
inline constexpr std::array kSides = {Side::legacy, Side::rewrite};
constexpr Side other(Side side) { return side == Side::legacy ? Side::rewrite : Side::legacy; }

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

// Statements that could be children and belong to no operation.
enum class OrphanReason {
  no_operation,  // none of their rules is under way: sampled out, say
  no_parent,     // the rows of no operation lead to their list
  dropped        // the queue was full
};
inline constexpr std::array kOrphanReasons = {OrphanReason::no_operation, OrphanReason::no_parent,
                                              OrphanReason::dropped};

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
enum class EqualStep {
  exact,            // the same bytes, row by row
  order,            // the same rows in another order that no ORDER BY forbids
  order_unproven,   // the same, where the sort keys are not in the output
  numeric_scale,    // 1.0 and 1.00
  type_width,       // int4 and int8, float4 and float8 of the same value
  text_type,        // text, varchar, bpchar, name
  enum_text,        // an enum and text
  negative_zero,    // -0 and 0 of a float
  time_zone,        // one instant, written in two zones
  padding,          // blanks at the end of bpchar
  json_text,        // white space or escapes in json, json and jsonb
  json_order,       // keys of an object in another order
  json_rows,        // rows read out of JSON, as the rule's projection says
  format,           // text and binary of the same value
  float_tolerance,  // within compare.float_tolerance
  clock,            // within compare.clock
  bytes,            // a type that is not understood: equal bytes in one format
  digest            // digests of canonical values, of results over the capture limit
};
inline constexpr std::array kEqualSteps = {
    EqualStep::exact,         EqualStep::order,         EqualStep::order_unproven,
    EqualStep::numeric_scale, EqualStep::type_width,    EqualStep::text_type,
    EqualStep::enum_text,     EqualStep::negative_zero, EqualStep::time_zone,
    EqualStep::padding,       EqualStep::json_text,     EqualStep::json_order,
    EqualStep::json_rows,     EqualStep::format,        EqualStep::float_tolerance,
    EqualStep::clock,         EqualStep::bytes,         EqualStep::digest};

enum class RuleState { unverified, ready, broken, context_drift };
inline constexpr std::array kRuleStates = {RuleState::unverified, RuleState::ready,
                                           RuleState::broken, RuleState::context_drift};

std::string_view name(Side side);
std::string_view name(Verdict verdict);
std::string_view name(SkipReason reason);
std::string_view name(DropReason reason);
std::string_view name(OrphanReason reason);
std::string_view name(MismatchKind kind);
std::string_view name(EqualStep step);
std::string_view name(RuleState state);

}  // namespace parallax::shadow
