#pragma once

// What `parallax learn` has seen, as a table for a terminal. Pure. No value is in it.

#include <string>

#include "proxy/terminal.h"
#include "shadow/learn/proposal.h"

namespace parallax::proxy {

// A line for each statement of each side, those that take most time first: how often, how long,
// which rule covers it or proposes it, its tags, its text.
std::string render_traffic(const shadow::LearnedTraffic& traffic,
                           const shadow::Proposals& proposals, const TerminalStyle& style);

}  // namespace parallax::proxy
