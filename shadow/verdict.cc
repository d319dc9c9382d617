#include "shadow/verdict.h"

namespace parallax::shadow {

std::string_view name(Side side) {
  switch (side) {
    case Side::legacy:
      return "legacy";
    case Side::rewrite:
      return "rewrite";
  }
  return "";
}

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::match:
      return "match";
    case Verdict::mismatch:
      return "mismatch";
    case Verdict::rewrite_error:
      return "rewrite_error";
    case Verdict::unstable:
      return "unstable";
    case Verdict::race:
      return "race";
    case Verdict::expected:
      return "expected";
    case Verdict::timeout:
      return "timeout";
  }
  return "";
}

std::string_view name(SkipReason reason) {
  switch (reason) {
    case SkipReason::sampled_out:
      return "sampled_out";
    case SkipReason::pin:
      return "pin";
    case SkipReason::context:
      return "context";
    case SkipReason::rights:
      return "rights";
    case SkipReason::server:
      return "server";
    case SkipReason::txn_wrote:
      return "txn_wrote";
    case SkipReason::temp_objects:
      return "temp_objects";
    case SkipReason::unverified:
      return "unverified";
    case SkipReason::broken:
      return "broken";
    case SkipReason::too_large:
      return "too_large";
    case SkipReason::incomplete:
      return "incomplete";
    case SkipReason::ambiguous:
      return "ambiguous";
    case SkipReason::one_way:
      return "one_way";
    case SkipReason::other_database:
      return "other_database";
    case SkipReason::too_many_connections:
      return "too_many_connections";
    case SkipReason::desync:
      return "desync";
    case SkipReason::breaker:
      return "breaker";
    case SkipReason::off:
      return "off";
  }
  return "";
}

std::string_view name(DropReason reason) {
  switch (reason) {
    case DropReason::queue_jobs:
      return "queue_jobs";
    case DropReason::queue_bytes:
      return "queue_bytes";
    case DropReason::drain:
      return "drain";
  }
  return "";
}

std::string_view name(OrphanReason reason) {
  switch (reason) {
    case OrphanReason::no_operation:
      return "no_operation";
    case OrphanReason::no_parent:
      return "no_parent";
    case OrphanReason::dropped:
      return "dropped";
  }
  return "unknown";
}

std::string_view name(MismatchKind kind) {
  switch (kind) {
    case MismatchKind::error:
      return "error";
    case MismatchKind::column_count:
      return "column_count";
    case MismatchKind::column_type:
      return "column_type";
    case MismatchKind::missing_row:
      return "missing_row";
    case MismatchKind::extra_row:
      return "extra_row";
    case MismatchKind::null:
      return "null";
    case MismatchKind::value:
      return "value";
    case MismatchKind::order:
      return "order";
    case MismatchKind::json_hazard:
      return "json_hazard";
    case MismatchKind::row_count:
      return "row_count";
  }
  return "";
}

std::string_view name(EqualStep step) {
  switch (step) {
    case EqualStep::exact:
      return "exact";
    case EqualStep::order:
      return "order";
    case EqualStep::order_unproven:
      return "order_unproven";
    case EqualStep::numeric_scale:
      return "numeric_scale";
    case EqualStep::type_width:
      return "type_width";
    case EqualStep::text_type:
      return "text_type";
    case EqualStep::enum_text:
      return "enum_text";
    case EqualStep::negative_zero:
      return "negative_zero";
    case EqualStep::time_zone:
      return "time_zone";
    case EqualStep::padding:
      return "padding";
    case EqualStep::json_text:
      return "json_text";
    case EqualStep::json_order:
      return "json_order";
    case EqualStep::json_rows:
      return "json_rows";
    case EqualStep::format:
      return "format";
    case EqualStep::float_tolerance:
      return "float_tolerance";
    case EqualStep::clock:
      return "clock";
    case EqualStep::bytes:
      return "bytes";
    case EqualStep::digest:
      return "digest";
  }
  return "";
}

std::string_view name(RuleState state) {
  switch (state) {
    case RuleState::unverified:
      return "unverified";
    case RuleState::ready:
      return "ready";
    case RuleState::broken:
      return "broken";
    case RuleState::context_drift:
      return "context_drift";
  }
  return "";
}

}  // namespace parallax::shadow
