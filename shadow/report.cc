#include "shadow/report.h"

namespace parallax::shadow {

void Outcome::remove_values() {
  values.clear();
  context.reset();
  legacy_message.clear();
  rewrite_message.clear();
  columns.clear();
  differences.clear();
}

}  // namespace parallax::shadow
