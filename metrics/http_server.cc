#include "metrics/http_server.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <future>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string_view>

namespace parallax::metrics {
namespace {

constexpr const char* kThreads = "4";
constexpr const char* kRequestTimeoutMs = "10000";
constexpr std::chrono::milliseconds kKnockPeriod{10};

std::runtime_error listen_error(const std::string& listen, std::string_view reason) {
  return std::runtime_error("cannot listen on " + listen + ": " +
                            (reason.empty() ? "unknown reason" : std::string(reason)));
}

bool is_method(const mg_request_info& request, std::string_view method) {
  return request.request_method != nullptr && request.request_method == method;
}

void send(mg_connection* connection, const HttpResponse& response, bool with_body,
          std::string_view more_headers) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + ' ' +
                    mg_get_response_code_text(connection, response.status) +
                    "\r\nContent-Type: " + response.content_type +
                    "\r\nContent-Length: " + std::to_string(response.body.size()) +
                    "\r\nCache-Control: no-store\r\nConnection: close\r\n";
  out.append(more_headers);
  out.append("\r\n");
  if (with_body) out.append(response.body);
  mg_write(connection, out.data(), out.size());
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// Without its body.
HttpRequest head_of(const mg_request_info& info) {
  HttpRequest request;
  request.peer = info.remote_addr;
  if (info.query_string != nullptr) request.query = info.query_string;
  for (int i = 0; i < info.num_headers; ++i)
    request.headers[lower(info.http_headers[i].name)] = info.http_headers[i].value;
  return request;
}

// False: it is longer than is read.
bool read_body(mg_connection* connection, std::string& body) {
  std::array<char, 4096> part{};
  for (;;) {
    const int count = mg_read(connection, part.data(), part.size());
    if (count <= 0) return true;
    body.append(part.data(), static_cast<std::size_t>(count));
    if (body.size() > kHttpBodyBytesMax) return false;
  }
}

}  // namespace

struct HttpServer::Impl {
  std::mutex mutex;  // of `pages` and `trouble`: a path may be added while requests run
  struct Page {
    HttpHandler get;
    HttpHandler post;
  };
  std::map<std::string, Page, std::less<>> pages;
  std::function<void(const HttpRequest&, const HttpResponse&)> tell;
  std::string trouble;
  std::string host;
  mg_context* context = nullptr;

  Page find(std::string_view path) {
    const std::lock_guard lock(mutex);
    const auto found = pages.find(path);
    return found == pages.end() ? Page() : found->second;
  }
  HttpResponse answer(mg_connection* connection, std::string& more_headers);
  HttpResponse refuse(const Page& page, const mg_request_info& request, HttpResponse response);
  static int handle(mg_connection* connection, void* self);
  static int note(const mg_connection* connection, const char* message);
};

// Keeps the first thing that civetweb complains of (mg_error_data says only that something failed),
// and keeps it and all others off stderr.
int HttpServer::Impl::note(const mg_connection* connection, const char* message) {
  auto* self = static_cast<Impl*>(mg_get_user_data(mg_get_context(connection)));
  if (self == nullptr) return 1;
  const std::lock_guard lock(self->mutex);
  if (self->trouble.empty()) self->trouble = message;
  return 1;
}

HttpResponse HttpServer::Impl::answer(mg_connection* connection, std::string& more_headers) {
  const mg_request_info& request = *mg_get_request_info(connection);
  const Page page = find(request.local_uri == nullptr ? std::string_view() : request.local_uri);
  if (!page.get && !page.post) return {404, "text/plain; charset=utf-8", "not found\n"};
  const bool posted = is_method(request, "POST");
  const bool read = is_method(request, "GET") || is_method(request, "HEAD");
  const HttpHandler& handler = posted ? page.post : page.get;
  if ((!posted && !read) || !handler) {
    const std::string methods = std::string(page.get ? "GET, HEAD" : "") +
                                (page.get && page.post ? ", " : "") + (page.post ? "POST" : "");
    more_headers = "Allow: " + methods + "\r\n";
    return refuse(page, request, {405, "text/plain; charset=utf-8", "only " + methods + '\n'});
  }
  auto given = head_of(request);
  if (posted && !read_body(connection, given.body))
    return refuse(page, request, {413, "text/plain; charset=utf-8", "the body is too large\n"});
  return handler(given);
}

HttpResponse HttpServer::Impl::refuse(const Page& page, const mg_request_info& request,
                                      HttpResponse response) {
  std::function<void(const HttpRequest&, const HttpResponse&)> told;
  {
    const std::lock_guard lock(mutex);
    if (page.post) told = tell;
  }
  if (told) told(head_of(request), response);
  return response;
}

// civetweb is C: nothing may be thrown through it. Returns the status, which civetweb takes as
// "answered".
int HttpServer::Impl::handle(mg_connection* connection, void* self) {
  HttpResponse response;
  std::string more_headers;
  try {
    response = static_cast<Impl*>(self)->answer(connection, more_headers);
  } catch (const std::exception&) {
    response = {500, "text/plain; charset=utf-8", "internal error\n"};
  }
  send(connection, response, !is_method(*mg_get_request_info(connection), "HEAD"), more_headers);
  return response.status;
}

namespace {

// Where a connection from this machine reaches the server. 0.0.0.0 as a target is loopback.
sockaddr_in listening_address(const mg_context* context, const std::string& host) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  mg_server_port port{};
  if (mg_get_server_ports(context, 1, &port) == 1) {
    address.sin_port = htons(static_cast<std::uint16_t>(port.port));
  }
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  return address;
}

void knock(const sockaddr_in& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return;  // then the stop takes its two seconds
  static_cast<void>(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
  ::close(fd);
}

}  // namespace

HttpServer::HttpServer(const std::string& listen) : impl_(std::make_unique<Impl>()) {
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    throw listen_error(listen, "write host:port, such as 127.0.0.1:9187");
  }
  impl_->host = listen.substr(0, colon);
  constexpr unsigned kFeatureIpv6 = 8;  // civetweb.h, mg_check_feature
  if (impl_->host.front() == '[' && mg_check_feature(kFeatureIpv6) == 0) {
    throw listen_error(listen, "the installed civetweb has no IPv6; use an IPv4 address");
  }
  // The whole name space is ours: without a document root civetweb serves no file.
  std::array<const char*, 9> options = {
      "listening_ports", listen.c_str(),      "num_threads", kThreads, "request_timeout_ms",
      kRequestTimeoutMs, "enable_keep_alive", "no",          nullptr};
  mg_callbacks callbacks{};
  callbacks.log_message = &Impl::note;
  mg_init_data init{&callbacks, impl_.get(), options.data()};
  std::array<char, 256> reason{};
  unsigned code = 0;
  mg_error_data error{&code, reason.data(), reason.size()};
  mg_init_library(0);
  impl_->context = mg_start2(&init, &error);
  if (impl_->context == nullptr) {
    mg_exit_library();
    const std::lock_guard lock(impl_->mutex);
    throw listen_error(listen, impl_->trouble.empty() ? reason.data() : impl_->trouble);
  }
  mg_set_request_handler(impl_->context, "**", &Impl::handle, impl_.get());
}

// civetweb's accepting thread looks at its stop flag when something arrives, else after two
// seconds.
HttpServer::~HttpServer() {
  const auto listening = listening_address(impl_->context, impl_->host);
  auto stopped = std::async(std::launch::async, [this] { mg_stop(impl_->context); });
  do {
    knock(listening);
  } while (stopped.wait_for(kKnockPeriod) != std::future_status::ready);
  mg_exit_library();
}

void HttpServer::get(const std::string& path, HttpHandler handler) {
  const std::lock_guard lock(impl_->mutex);
  impl_->pages[path].get = std::move(handler);
}

void HttpServer::post(const std::string& path, HttpHandler handler) {
  const std::lock_guard lock(impl_->mutex);
  impl_->pages[path].post = std::move(handler);
}

void HttpServer::tell_refusals(std::function<void(const HttpRequest&, const HttpResponse&)> tell) {
  const std::lock_guard lock(impl_->mutex);
  impl_->tell = std::move(tell);
}

std::string HttpServer::address() const {
  mg_server_port port{};
  if (mg_get_server_ports(impl_->context, 1, &port) < 1) return impl_->host;
  return impl_->host + ':' + std::to_string(port.port);
}

}  // namespace parallax::metrics
