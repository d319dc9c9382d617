#pragma once

// `parallax mode`: asks or sets the switch of a running Parallax over its admin listener.

#include <ostream>

#include "proxy/command_line.h"
#include "proxy/config.h"

namespace parallax::proxy {

int mode_command(const ModeCommand& command, const Environment& environment, std::ostream& out,
                 std::ostream& err);

}  // namespace parallax::proxy
