#pragma once

// What a server said of the rules as text (`check --online`). Pure; everything that came from the
// server is escaped.

#include <string>

#include "proxy/terminal.h"
#include "shadow/online_check.h"

namespace parallax::proxy {

// A line with its state, `ready`, `fails` (ready, but every comparison would be a mismatch or an
// error), `broken` or `unverified`, then what is wrong with its place, the pairs, and the plans:
// a line each, or with `whole_plans` a line for each node.
std::string render_checked_rule(const shadow::CheckedRule& checked, bool whole_plans,
                                const TerminalStyle& style);
// "3 rules: 2 ready, 1 broken"
std::string render_check_summary(const shadow::OnlineFindings& findings);

}  // namespace parallax::proxy
