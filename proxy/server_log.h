#pragma once

#include "proxy/log.h"
#include "proxy/server.h"

namespace parallax::proxy {

// A line for each address that a started server listens on.
void log_addresses(Log& log, const Server& server);

}  // namespace parallax::proxy
