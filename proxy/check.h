#pragma once

// `parallax check`.

#include <iosfwd>

#include "proxy/command_line.h"
#include "proxy/config.h"
#include "proxy/terminal.h"

namespace parallax::proxy {

// Each problem of the file is a line `file:line:column: message` on `err`; a fine file is one line
// on `out`, its warnings on `err`. With --online follows what the shadow server says of each rule,
// on `out` in `style`. Returns the exit status.
int check_config(const CheckCommand& command, const Environment& environment,
                 const TerminalStyle& style, std::ostream& out, std::ostream& err);

}  // namespace parallax::proxy
