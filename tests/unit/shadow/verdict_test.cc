#include "shadow/verdict.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

namespace parallax::shadow {
namespace {

template <typename Values>
void check_names(const Values& values, const std::set<std::string>& names) {
  std::set<std::string> found;
  for (std::size_t i = 0; i < values.size(); ++i) {
    CHECK(static_cast<std::size_t>(values[i]) == i);  // arrays of counters are indexed by value
    found.insert(std::string(name(values[i])));
  }
  CHECK(found == names);
}

TEST_CASE("names of the closed sets are those of the metrics' labels") {
  check_names(kVerdicts,
              {"match", "mismatch", "rewrite_error", "unstable", "race", "expected", "timeout"});
  check_names(kSkipReasons,
              {"sampled_out", "pin", "context", "rights", "server", "txn_wrote", "temp_objects",
               "unverified", "broken", "too_large", "incomplete", "ambiguous", "one_way",
               "other_database", "too_many_connections", "desync", "breaker", "off"});
  check_names(kDropReasons, {"queue_jobs", "queue_bytes", "drain"});
  check_names(kMismatchKinds, {"error", "column_count", "column_type", "missing_row", "extra_row",
                               "null", "value", "order", "json_hazard", "row_count"});
  check_names(kEqualSteps,
              {"exact", "order", "order_unproven", "numeric_scale", "type_width", "text_type",
               "enum_text", "negative_zero", "time_zone", "padding", "json_text", "json_order",
               "json_rows", "format", "float_tolerance", "clock", "bytes", "digest"});
  check_names(kRuleStates, {"unverified", "ready", "broken", "context_drift"});
}

}  // namespace
}  // namespace parallax::shadow
