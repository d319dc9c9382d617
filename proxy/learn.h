#pragma once

// `parallax learn`.

#include <iosfwd>

#include "proxy/command_line.h"
#include "proxy/config.h"
#include "proxy/log.h"
#include "proxy/terminal.h"

namespace parallax::proxy {

// Serves until a signal, or until nothing comes any more; then what passed is told and the rules
// are written. With --out the rules go there and the rest to `out`; without, the rules go to `out`
// and the rest to `err`. Returns the exit status.
int learn(const LearnCommand& command, const Environment& environment, const TerminalStyle& style,
          std::ostream& out, std::ostream& err);

}  // namespace parallax::proxy
