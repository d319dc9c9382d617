#pragma once

#include <string_view>

#include "shadow/compare/compare.h"
#include "shadow/rule_source.h"
#include "shadow/rules/rule.h"
#include "shadow/rules/statement_shape.h"

namespace parallax::shadow {

// The place in the configuration that the server's error speaks of: inside the SQL where it says
// so, else its beginning. `step` is the end of preparing `before`, then `text` with its names as
// parameters.
SourceMark error_place(const SourceText& text, const StatementShape& shape, const StepResult& step,
                       std::string_view before = {});
// The same of the rewrite as it is replayed: inside it, or inside the `select` over it.
SourceMark rewrite_error_place(const Rule& rule, std::size_t statement, const StepResult& step);

}  // namespace parallax::shadow
