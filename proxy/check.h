#pragma once

// `parallax check`.

#include <iosfwd>
#include <string>

#include "proxy/config.h"

namespace parallax::proxy {

// Each problem is a line `file:line:column: message` on `err`; a fine file is one line on `out`,
// its warnings on `err`. Returns the exit status.
int check_config(const std::string& file, const Environment& environment, std::ostream& out,
                 std::ostream& err);

}  // namespace parallax::proxy
