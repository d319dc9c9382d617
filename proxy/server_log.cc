#include "proxy/server_log.h"

#include <string>
#include <string_view>

namespace parallax::proxy {
namespace {

std::string_view tls_text(TlsMode mode) {
  switch (mode) {
    case TlsMode::disable:
      return "disable";
    case TlsMode::allow:
      return "allow";
    case TlsMode::require:
      return "require";
  }
  return "";
}

}  // namespace

void log_addresses(Log& log, const Server& server) {
  for (std::size_t i = 0; i < server.addresses().size(); ++i) {
    const auto& listener = server.listeners()[i];
    log.write(LogLevel::info,
              {{"listener", listener.name},
               {"upstream", listener.upstream_url},
               {"tls", std::string(tls_text(listener.tls.mode))},
               {"upstream_tls", listener.upstream_tls ? "yes" : "no"}},
              "listening on " + server.addresses()[i].text());
  }
  if (const auto address = server.metrics_address(); !address.empty()) {
    log.write(LogLevel::info, "metrics on http://" + address + "/metrics");
  }
  if (const auto address = server.admin_address(); !address.empty()) {
    log.write(LogLevel::info,
              "admin on http://" + address + "/ (/healthz, /readyz, /-/mode, /-/reload)");
  }
}

}  // namespace parallax::proxy
