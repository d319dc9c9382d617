#pragma once

// The admin listener's switch: who may use it, and what it answers. Handlers run on the HTTP
// listener's threads.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "metrics/http_server.h"
#include "proxy/log.h"
#include "proxy/mode_control.h"
#include "shadow/mode.h"

namespace parallax::proxy {

struct AdminRules {
  std::string token;               // empty: none is asked for
  std::vector<std::string> hosts;  // more names than those of the loopback and the listener's own
  std::string listen;              // "127.0.0.1:9188", as configured
};

// Nothing when the request may go on; otherwise the answer: 421 for a Host that is not this
// listener's (against DNS rebinding), 403 for a change without the header `X-Parallax-Admin: 1`
// (which no other site's page can send), 401 for a change without the token.
std::optional<metrics::HttpResponse> refused(const AdminRules& rules,
                                             const metrics::HttpRequest& request, bool changes);

// GET and POST /-/mode, POST /-/reload. References must outlive the listener. Each change and each
// attempt that was refused is a line of the log.
struct AdminDoor {
  AdminRules rules;
  ModeControl& control;
  // By rule, in the order of the configuration.
  std::function<std::vector<std::pair<std::string, shadow::Mode>>()> modes;
  // The problems, one for each line; empty: done.
  std::function<std::vector<std::string>()> reload;
  Log& log;
};
void serve_admin(metrics::HttpServer& server, AdminDoor admin);

}  // namespace parallax::proxy
