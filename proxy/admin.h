#pragma once

// The admin listener's switch: who may use it, and what it answers. Handlers run on the HTTP
// listener's threads.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metrics/http_server.h"
#include "proxy/log.h"
#include "proxy/mode_control.h"
#include "shadow/rule_modes.h"
#include "shadow/rules/rule.h"

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

// GET and POST /-/mode. References must outlive the listener. Each change and each attempt that was
// refused is a line of the log.
struct AdminMode {
  AdminRules rules;
  ModeControl& control;
  std::shared_ptr<const shadow::RuleSet> rule_set;
  std::function<shadow::RuleModes()> modes;
  Log& log;
};
void serve_mode(metrics::HttpServer& server, AdminMode admin);

}  // namespace parallax::proxy
