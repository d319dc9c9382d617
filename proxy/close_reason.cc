#include "proxy/close_reason.h"

namespace parallax::proxy {

std::string_view name(CloseReason reason) {
  switch (reason) {
    case CloseReason::client_closed:
      return "client_closed";
    case CloseReason::server_closed:
      return "server_closed";
    case CloseReason::client_broken:
      return "client_broken";
    case CloseReason::server_broken:
      return "server_broken";
    case CloseReason::no_startup:
      return "no_startup";
    case CloseReason::bad_startup:
      return "bad_startup";
    case CloseReason::stuffed:
      return "stuffed";
    case CloseReason::tls_failed:
      return "tls_failed";
    case CloseReason::tls_required:
      return "tls_required";
    case CloseReason::channel_binding:
      return "channel_binding";
    case CloseReason::login_refused:
      return "login_refused";
    case CloseReason::auth_throttled:
      return "auth_throttled";
    case CloseReason::startup_timeout:
      return "startup_timeout";
    case CloseReason::authentication_timeout:
      return "authentication_timeout";
    case CloseReason::upstream_unreachable:
      return "upstream_unreachable";
    case CloseReason::too_many_sessions:
      return "too_many_sessions";
    case CloseReason::cancel_request:
      return "cancel_request";
    case CloseReason::cancel_timeout:
      return "cancel_timeout";
    case CloseReason::strict_failed:
      return "strict_failed";
    case CloseReason::drained:
      return "drained";
  }
  return "unknown";
}

}  // namespace parallax::proxy
