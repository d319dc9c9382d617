#include "proxy/io/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <utility>

namespace parallax::io {

struct ResolveRequest::State {
  uv_getaddrinfo_t request{};
  std::function<void(Resolved)> callback;  // empty once the owner is gone
  std::shared_ptr<State> self;             // held while libuv has the request

  void answer(const Resolved& resolved) {
    const auto running = std::exchange(callback, {});
    if (running) running(resolved);
  }
};

namespace {

bool is_numeric(const std::string& host) {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), buffer) == 1 ||
         inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

Resolved read_answer(int status, addrinfo* first) {
  Resolved resolved;
  if (status != 0) {
    resolved.error = uv_strerror(status);
    return resolved;
  }
  for (const addrinfo* info = first; info != nullptr; info = info->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof text, nullptr, 0,
                    NI_NUMERICHOST) != 0)
      continue;
    if (std::find(resolved.addresses.begin(), resolved.addresses.end(), text) ==
        resolved.addresses.end()) {
      resolved.addresses.emplace_back(text);
    }
  }
  if (resolved.addresses.empty()) resolved.error = "no address";
  return resolved;
}

}  // namespace

std::unique_ptr<ResolveRequest> ResolveRequest::start(Loop& loop, const std::string& host,
                                                      std::function<void(Resolved)> callback) {
  auto state = std::make_shared<State>();
  state->callback = std::move(callback);
  std::unique_ptr<ResolveRequest> request(new ResolveRequest);
  request->state_ = state;

  // Answers that are known at once also come by a later callback: the caller has stored the request
  // by then.
  const auto answer_later = [&](Resolved resolved) {
    loop.post([state, resolved = std::move(resolved)] { state->answer(resolved); });
  };
  if (host.starts_with('/') || is_numeric(host)) {
    answer_later({.addresses = {host}, .error = {}});
    return request;
  }

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  state->self = state;  // libuv's reference
  state->request.data = state.get();
  const int status = uv_getaddrinfo(
      loop.uv(), &state->request,
      [](uv_getaddrinfo_t* done, int result, addrinfo* first) {
        const auto owned = std::move(static_cast<State*>(done->data)->self);
        const auto resolved = read_answer(result, first);
        uv_freeaddrinfo(first);
        owned->answer(resolved);
      },
      host.c_str(), nullptr, &hints);
  if (status != 0) {
    state->self.reset();
    answer_later({.addresses = {}, .error = uv_strerror(status)});
  }
  return request;
}

ResolveRequest::~ResolveRequest() { state_->callback = {}; }

}  // namespace parallax::io
