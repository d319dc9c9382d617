#pragma once

// What the client is told in strict mode. ORMs show an error's MESSAGE and nothing else, so all of
// it stands there; the values are those of the client's own statement.

#include <string_view>

#include "shadow/options.h"
#include "shadow/report.h"
#include "shadow/strict/strict.h"

namespace parallax::shadow {

// Nothing: the client gets what it is waiting for. The outcome must have its values.
std::optional<StrictRefusal> refusal_of(const Outcome& outcome, const StrictOptions& options);
// `why`: a reason of one of the closed sets.
StrictRefusal uncompared_refusal(const Rule& rule, std::string_view why);

}  // namespace parallax::shadow
