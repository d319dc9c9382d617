#include "metrics/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace parallax::metrics {
namespace {

std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

// The whole answer to one request; the server closes the connection after it. "" when there was
// none. Used on several threads, so without Catch's macros.
std::string ask(const std::string& address, const std::string& request) {
  const bool v6 = address.front() == '[';
  const int socket_fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  if (socket_fd < 0) return "";
  sockaddr_in v4_address{};
  v4_address.sin_family = AF_INET;
  v4_address.sin_port = htons(port_of(address));
  v4_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6_address{};
  v6_address.sin6_family = AF_INET6;
  v6_address.sin6_port = htons(port_of(address));
  v6_address.sin6_addr = in6addr_loopback;
  const auto* to = v6 ? reinterpret_cast<const sockaddr*>(&v6_address)
                      : reinterpret_cast<const sockaddr*>(&v4_address);
  const bool sent = connect(socket_fd, to, v6 ? sizeof(v6_address) : sizeof(v4_address)) == 0 &&
                    send(socket_fd, request.data(), request.size(), MSG_NOSIGNAL) ==
                        static_cast<ssize_t>(request.size());
  std::string answer;
  char buffer[4096];
  for (ssize_t n = 0; sent && (n = recv(socket_fd, buffer, sizeof(buffer), 0)) > 0;) {
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  close(socket_fd);
  return answer;
}

std::string request(const std::string& method, const std::string& path) {
  return method + ' ' + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

bool starts_with(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("GET, HEAD, other methods, other paths") {
  HttpServer server("127.0.0.1:0");
  CHECK(starts_with(server.address(), "127.0.0.1:"));
  CHECK(port_of(server.address()) != 0);
  server.get("/metrics", [](const HttpRequest&) {
    return HttpResponse{200, "text/plain; version=0.0.4", "a 1\n"};
  });
  server.get("/readyz", [](const HttpRequest&) {
    return HttpResponse{503, "text/plain; charset=utf-8", "no\n"};
  });
  server.get("/throws",
             [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("secret"); });

  const std::string got = ask(server.address(), request("GET", "/metrics"));
  CHECK(starts_with(got, "HTTP/1.1 200 OK\r\n"));
  CHECK(has(got, "\r\nContent-Type: text/plain; version=0.0.4\r\n"));
  CHECK(has(got, "\r\nContent-Length: 4\r\n"));
  CHECK(got.ends_with("\r\n\r\na 1\n"));
  CHECK(ask(server.address(), request("GET", "/metrics?x=1")).ends_with("a 1\n"));

  const std::string head = ask(server.address(), request("HEAD", "/metrics"));
  CHECK(starts_with(head, "HTTP/1.1 200 OK\r\n"));
  CHECK(has(head, "\r\nContent-Length: 4\r\n"));
  CHECK(head.ends_with("\r\n\r\n"));

  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    INFO(method);
    const std::string refused = ask(server.address(), request(method, "/metrics"));
    CHECK(starts_with(refused, "HTTP/1.1 405 "));
    CHECK(has(refused, "\r\nAllow: GET, HEAD\r\n"));
  }
  for (const char* path : {"/", "/metrics/", "/metrics/x", "/metric", "/../etc/passwd", "/%00"}) {
    INFO(path);
    const std::string missing = ask(server.address(), request("GET", path));
    CHECK((starts_with(missing, "HTTP/1.1 404 ") || starts_with(missing, "HTTP/1.1 400 ")));
  }
  CHECK(starts_with(ask(server.address(), request("GET", "/readyz")), "HTTP/1.1 503 "));
  const std::string failed = ask(server.address(), request("GET", "/throws"));
  CHECK(starts_with(failed, "HTTP/1.1 500 "));
  CHECK_FALSE(has(failed, "secret"));
}

TEST_CASE("requests at the same time") {
  HttpServer server("127.0.0.1:0");
  const std::string body(1'000'000, 'x');
  server.get("/metrics", [&body](const HttpRequest&) {
    return HttpResponse{200, "text/plain", body};
  });
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (ask(server.address(), request("GET", "/metrics")).ends_with("\r\n\r\n" + body)) ++right;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 8);
}

TEST_CASE("IPv6 works, or the error says that civetweb has none") {
  try {
    HttpServer v6("[::1]:0");
    v6.get("/healthz", [](const HttpRequest&) { return HttpResponse{200, "text/plain", "ok\n"}; });
    CHECK(starts_with(v6.address(), "[::1]:"));
    CHECK(ask(v6.address(), request("GET", "/healthz")).ends_with("ok\n"));
  } catch (const std::runtime_error& error) {
    CHECK(error.what() == std::string("cannot listen on [::1]:0: the installed civetweb has no "
                                      "IPv6; use an IPv4 address"));
  }
}

TEST_CASE("an address that cannot be had is named with the reason") {
  HttpServer first("127.0.0.1:0");
  CHECK_THROWS_WITH(HttpServer(first.address()),
                    Catch::Contains("cannot listen on " + first.address()) &&
                        Catch::Contains("Address already in use"));
  CHECK_THROWS_WITH(HttpServer("nonsense"), Catch::Contains("cannot listen on nonsense"));
  // The failed ones have not harmed the first.
  first.get("/x", [](const HttpRequest&) { return HttpResponse{}; });
  CHECK(starts_with(ask(first.address(), request("GET", "/x")), "HTTP/1.1 200 "));
}

TEST_CASE("a POST has its body, its query and its headers") {
  HttpServer server("127.0.0.1:0");
  std::vector<int> told;  // of one request after the other
  server.tell_refusals(
      [&told](const HttpRequest&, const HttpResponse& answer) { told.push_back(answer.status); });
  server.get("/mode", [](const HttpRequest&) {
    return HttpResponse{200, "text/plain", "state\n"};
  });
  server.post("/mode", [](const HttpRequest& request) {
    return HttpResponse{
        200, "text/plain",
        request.body + '|' + request.query + '|' + request.header("x-own") + '|' + request.peer};
  });
  const std::string head = "POST /mode?a=b HTTP/1.1\r\nHost: x\r\nX-Own: 1\r\nContent-Length: ";
  CHECK(has(ask(server.address(), head + "8\r\n\r\nmode=off"), "mode=off|a=b|1|127.0.0.1"));
  CHECK(has(ask(server.address(), request("GET", "/mode")), "state"));
  const auto put = ask(server.address(), request("PUT", "/mode"));
  CHECK(starts_with(put, "HTTP/1.1 405"));
  CHECK(told == std::vector<int>{405});
  CHECK(has(put, "Allow: GET, HEAD, POST"));
  const std::string large(kHttpBodyBytesMax + 1, 'x');
  CHECK(starts_with(ask(server.address(), head + std::to_string(large.size()) + "\r\n\r\n" + large),
                    "HTTP/1.1 413"));
  CHECK(told == std::vector<int>{405, 413});
}

}  // namespace
}  // namespace parallax::metrics
