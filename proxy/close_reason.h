#pragma once

// Why a session ended: one of a closed set, in logs and as label of
// client_connection_outcomes_total.

#include <array>
#include <string_view>

namespace parallax::proxy {

enum class CloseReason {
  client_closed,  // the client ended first
  server_closed,  // the server ended first
  client_broken,  // reset or unreachable
  server_broken,
  no_startup,   // closed before a first packet: port scan, health check
  bad_startup,  // not a startup packet
  stuffed,      // bytes behind SSLRequest or GSSENCRequest
  tls_failed,   // the handshake with the client
  tls_required,
  channel_binding,  // the server refused SCRAM bound to the proxy's certificate
  login_refused,    // by the proxy, while the client logs in
  auth_throttled,   // too many failed logins from there
  startup_timeout,
  authentication_timeout,
  upstream_unreachable,
  too_many_sessions,
  cancel_request,  // relayed
  cancel_timeout,  // relayed, and the server did not close the connection
  strict_failed,   // strict mode could not leave the connection as it was
  drained,         // ended by us at shutdown
};
inline constexpr std::array kCloseReasons = {CloseReason::client_closed,
                                             CloseReason::server_closed,
                                             CloseReason::client_broken,
                                             CloseReason::server_broken,
                                             CloseReason::no_startup,
                                             CloseReason::bad_startup,
                                             CloseReason::stuffed,
                                             CloseReason::tls_failed,
                                             CloseReason::tls_required,
                                             CloseReason::channel_binding,
                                             CloseReason::login_refused,
                                             CloseReason::auth_throttled,
                                             CloseReason::startup_timeout,
                                             CloseReason::authentication_timeout,
                                             CloseReason::upstream_unreachable,
                                             CloseReason::too_many_sessions,
                                             CloseReason::cancel_request,
                                             CloseReason::cancel_timeout,
                                             CloseReason::strict_failed,
                                             CloseReason::drained};

std::string_view name(CloseReason reason);

}  // namespace parallax::proxy
