#pragma once

// One HTTP listener (civetweb). It answers GET and HEAD, and POST where it was given one, for the
// paths it was given, 405 for other methods there, and 404 for all other paths; handlers run on
// civetweb's threads. What a handler throws becomes a 500 without details.

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace parallax::metrics {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

struct HttpRequest {
  std::string peer;   // numeric address
  std::string query;  // behind the `?`, as it came
  std::string body;   // of a POST; at most kHttpBodyBytesMax, longer ones are refused (413)
  std::map<std::string, std::string> headers;  // names in lower case
  std::string header(const std::string& lower_name) const {
    const auto found = headers.find(lower_name);
    return found == headers.end() ? std::string() : found->second;
  }
};
inline constexpr std::size_t kHttpBodyBytesMax = std::size_t{64} * 1024;
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

class HttpServer {
 public:
  // `listen`: "127.0.0.1:9187"; port 0 takes a free one. Throws std::runtime_error with the address
  // and the reason.
  // "[::1]:9187" needs a civetweb that was built with IPv6; Debian 12's was not.
  explicit HttpServer(const std::string& listen);
  ~HttpServer();  // stops the listener and joins its threads
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  void get(const std::string& path, HttpHandler handler);
  void post(const std::string& path, HttpHandler handler);
  // Hears of each request to a path with a POST that no handler was asked for (405, 413).
  void tell_refusals(std::function<void(const HttpRequest&, const HttpResponse&)> tell);
  // The bound address, "127.0.0.1:41234".
  std::string address() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parallax::metrics
