#pragma once

// The engine's findings as text for a terminal (--dev). Pure: strings in, strings out. Everything
// that came from a client or a server is escaped, so no value can move the cursor.

#include <cstddef>
#include <string>

#include "proxy/terminal.h"
#include "shadow/report.h"

namespace parallax::proxy {

// One line; a mismatch or rewrite error is a block with values, both sides' rows or errors side by
// side. Differing cells are marked with `!=`; a long cell is cut around its first difference.
std::string render_outcome(const shadow::Outcome& outcome, const TerminalStyle& style);
std::string render_rule_state(const shadow::Rule& rule, shadow::RuleState state,
                              const std::string& reason, const TerminalStyle& style);
std::string render_rule_warning(const shadow::Rule& rule, const std::string& text,
                                const TerminalStyle& style);
std::string render_pool_error(const std::string& sqlstate, const std::string& what,
                              const TerminalStyle& style);
// Of the shadow server and its role.
std::string render_server_note(bool warning, const std::string& text, const TerminalStyle& style);
// `rule` null: all replays.
std::string render_breaker(const shadow::Rule* rule, bool open, const std::string& why,
                           const TerminalStyle& style);
// Statements that no rule covers are remembered so that each shape is shown once; above this number
// no more are shown.
inline constexpr std::size_t kUncoveredShownMax = 10'000;

// A headline, then the skeleton as it is to be pasted.
std::string render_uncovered(const shadow::UncoveredStatement& statement,
                             const TerminalStyle& style);

}  // namespace parallax::proxy
