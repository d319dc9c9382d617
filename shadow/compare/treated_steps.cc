#include "shadow/compare/treated_steps.h"

namespace parallax::shadow {

namespace {

MismatchKind kind_of(EqualStep step) {
  switch (step) {
    case EqualStep::type_width:
    case EqualStep::text_type:
    case EqualStep::enum_text:
      return MismatchKind::column_type;
    case EqualStep::order:
    case EqualStep::order_unproven:
      return MismatchKind::order;
    case EqualStep::exact:
    case EqualStep::numeric_scale:
    case EqualStep::negative_zero:
    case EqualStep::time_zone:
    case EqualStep::padding:
    case EqualStep::json_text:
    case EqualStep::json_order:
    case EqualStep::format:
    case EqualStep::float_tolerance:
    case EqualStep::clock:
    case EqualStep::bytes:
    case EqualStep::digest:
      break;
  }
  return MismatchKind::value;
}

}  // namespace

bool order_counts(const Rule& rule) {
  switch (rule.source.compare.order) {
    case OrderMode::automatic:
      return rule.legacy_order.ordered;
    case OrderMode::strict:
      return true;
    case OrderMode::ignore:
      break;
  }
  return false;
}

void refuse_steps(Comparison& comparison, const CompareOptions& options) {
  std::string refused;
  for (const EqualStep step : comparison.steps) {
    if (!options.treat_as_mismatch.contains(step)) continue;
    comparison.kinds.insert(kind_of(step));
    refused.append(refused.empty() ? "" : ", ").append(name(step));
  }
  if (refused.empty()) return;
  comparison.difference = *comparison.kinds.begin();
  comparison.detail = "equal by " + refused + ", which `treat` refuses";
  comparison.steps.clear();
}

}  // namespace parallax::shadow
