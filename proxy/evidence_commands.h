#pragma once

// `parallax report`, `parallax ready` and `parallax replay`.

#include <iosfwd>

#include "proxy/command_line.h"
#include "proxy/config.h"
#include "proxy/terminal.h"

namespace parallax::proxy {

int report_evidence(const ReportCommand& command, const Environment& environment,
                    const TerminalStyle& style, std::ostream& out, std::ostream& err);
int judge_readiness(const ReadyCommand& command, const Environment& environment,
                    const TerminalStyle& style, std::ostream& out, std::ostream& err);

int replay_journalled(const ReplayCommand& command, const Environment& environment,
                      const TerminalStyle& style, std::ostream& out, std::ostream& err);

}  // namespace parallax::proxy
