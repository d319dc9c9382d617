#include "metrics/http_client.h"

#include <civetweb.h>

#include <array>
#include <chrono>
#include <memory>

namespace parallax::metrics {

namespace {

constexpr int kTimeoutMs = 5000;
// Of the whole call: civetweb's own limit begins again with each byte.
constexpr std::chrono::seconds kCallMost{5};
constexpr std::size_t kAnswerBytesMax = std::size_t{1024} * 1024;

struct Library {
  Library() { mg_init_library(0); }
  ~Library() { mg_exit_library(); }
};

}  // namespace

std::variant<HttpResponse, std::string> http_call(const HttpCall& call) {
  const Library library;
  const auto deadline = std::chrono::steady_clock::now() + kCallMost;
  std::array<char, 256> reason{};
  const std::unique_ptr<mg_connection, void (*)(mg_connection*)> connection(
      mg_connect_client(call.host.c_str(), call.port, 0, reason.data(), reason.size()),
      [](mg_connection* one) { mg_close_connection(one); });
  if (connection == nullptr) return std::string(reason.data());
  std::string out = call.method + ' ' + call.path + " HTTP/1.1\r\nHost: " + call.host + ':' +
                    std::to_string(call.port) +
                    "\r\nConnection: close\r\nContent-Length: " + std::to_string(call.body.size()) +
                    "\r\n";
  for (const auto& [name, value] : call.headers)
    out.append(name).append(": ").append(value).append("\r\n");
  out.append("\r\n").append(call.body);
  if (mg_write(connection.get(), out.data(), out.size()) <= 0)
    return std::string("the connection was closed");
  if (mg_get_response(connection.get(), reason.data(), reason.size(), kTimeoutMs) < 0)
    return std::string(reason.data());
  HttpResponse response;
  response.status = mg_get_response_info(connection.get())->status_code;
  std::array<char, 1> part{};  // mg_read waits until all of it has come
  while (response.body.size() < kAnswerBytesMax) {
    if (std::chrono::steady_clock::now() >= deadline) return std::string("the answer does not end");
    const int count = mg_read(connection.get(), part.data(), part.size());
    if (count <= 0) break;
    response.body.append(part.data(), static_cast<std::size_t>(count));
  }
  return response;
}

}  // namespace parallax::metrics
