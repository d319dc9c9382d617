#pragma once

// One request to an HTTP listener of another Parallax (civetweb's client; no TLS).

#include <map>
#include <string>
#include <variant>

#include "metrics/http_server.h"

namespace parallax::metrics {

struct HttpCall {
  std::string host;  // name or numeric address, without brackets
  int port = 0;
  std::string method = "GET";
  std::string path;
  std::map<std::string, std::string> headers;
  std::string body;
};

// The answer (its content type is not read), or why there is none. Waits some ten
// seconds at most, whatever the other side does.
std::variant<HttpResponse, std::string> http_call(const HttpCall& call);

}  // namespace parallax::metrics
