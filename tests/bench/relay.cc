// A TCP relay over libuv that parses nothing: one loop, accept, connect upstream, copy both ways.
// It is what a proxy costs at the least, and so the measure for Parallax.   bench_relay
// UPSTREAM_PORT  (prints the port it listens on)

#include <netinet/in.h>
#include <uv.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

namespace {

constexpr int kBacklog = 1024;
constexpr std::size_t kHighWaterBytes = 256 * 1024;
constexpr std::size_t kSlabBytes = 64 * 1024;

std::array<char, kSlabBytes>
    slab;  // reads are synchronous with their allocation: one slab is enough
sockaddr_in upstream_address;

struct Relay;

// One leg. `peer` is where its bytes go.
struct Leg {
  uv_tcp_t handle{};
  Relay* relay = nullptr;
  Leg* peer = nullptr;
  bool paused = false;
};

struct Relay {
  Leg client;
  Leg server;
  uv_connect_t connect{};
  int open_handles = 2;
  bool closing = false;
};

struct Write {
  uv_write_t request{};
  std::vector<char> bytes;
  Leg* target = nullptr;
};

uv_stream_t* stream(Leg& leg) { return reinterpret_cast<uv_stream_t*>(&leg.handle); }

void close_relay(Relay& relay) {
  if (relay.closing) return;
  relay.closing = true;
  for (Leg* leg : {&relay.client, &relay.server}) {
    uv_close(reinterpret_cast<uv_handle_t*>(&leg->handle), [](uv_handle_t* handle) {
      Relay* closed = static_cast<Leg*>(handle->data)->relay;
      if (--closed->open_handles == 0) delete closed;
    });
  }
}

void on_alloc(uv_handle_t*, std::size_t, uv_buf_t* buffer) {
  *buffer = uv_buf_init(slab.data(), kSlabBytes);
}

void on_read(uv_stream_t* source, ssize_t count, const uv_buf_t* buffer);

void on_written(uv_write_t* request, int status) {
  const std::unique_ptr<Write> write(static_cast<Write*>(request->data));
  Leg& target = *write->target;
  if (status < 0 || target.relay->closing) {
    close_relay(*target.relay);
    return;
  }
  if (target.peer->paused && uv_stream_get_write_queue_size(stream(target)) == 0) {
    target.peer->paused = false;
    uv_read_start(stream(*target.peer), on_alloc, on_read);
  }
}

// Hands the bytes to the kernel at once; what it does not take is copied and queued.
void forward(Leg& source, const char* bytes, std::size_t count) {
  Leg& target = *source.peer;
  std::size_t done = 0;
  if (uv_stream_get_write_queue_size(stream(target)) == 0) {
    uv_buf_t whole = uv_buf_init(const_cast<char*>(bytes), static_cast<unsigned>(count));
    const int written = uv_try_write(stream(target), &whole, 1);
    if (written < 0 && written != UV_EAGAIN) return close_relay(*source.relay);
    if (written > 0) done = static_cast<std::size_t>(written);
  }
  if (done == count) return;
  auto write = std::make_unique<Write>();
  write->bytes.assign(bytes + done, bytes + count);
  write->target = &target;
  write->request.data = write.get();
  uv_buf_t rest = uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
  if (uv_write(&write->request, stream(target), &rest, 1, on_written) < 0)
    return close_relay(*source.relay);
  static_cast<void>(write.release());  // on_written has it now
  if (uv_stream_get_write_queue_size(stream(target)) > kHighWaterBytes) {
    source.paused = true;
    uv_read_stop(stream(source));
  }
}

void on_read(uv_stream_t* source, ssize_t count, const uv_buf_t* buffer) {
  Leg& leg = *static_cast<Leg*>(source->data);
  if (count < 0) return close_relay(*leg.relay);
  if (count > 0) forward(leg, buffer->base, static_cast<std::size_t>(count));
}

void on_connected(uv_connect_t* request, int status) {
  Relay& relay = *static_cast<Relay*>(request->data);
  if (relay.closing) return;
  if (status < 0) return close_relay(relay);
  uv_tcp_nodelay(&relay.server.handle, 1);
  uv_read_start(stream(relay.client), on_alloc, on_read);
  uv_read_start(stream(relay.server), on_alloc, on_read);
}

void on_connection(uv_stream_t* listener, int status) {
  if (status < 0) return;
  auto* relay = new Relay;
  relay->client.peer = &relay->server;
  relay->server.peer = &relay->client;
  for (Leg* leg : {&relay->client, &relay->server}) {
    leg->relay = relay;
    uv_tcp_init(listener->loop, &leg->handle);
    leg->handle.data = leg;
  }
  relay->connect.data = relay;
  if (uv_accept(listener, stream(relay->client)) < 0) return close_relay(*relay);
  uv_tcp_nodelay(&relay->client.handle, 1);
  if (uv_tcp_connect(&relay->connect, &relay->server.handle,
                     reinterpret_cast<const sockaddr*>(&upstream_address), on_connected) < 0) {
    close_relay(*relay);
  }
}

int listening_port(const uv_tcp_t& listener) {
  sockaddr_in bound{};
  int size = sizeof bound;
  uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&bound), &size);
  return ntohs(bound.sin_port);
}

}  // namespace

int main(int count, char** arguments) {
  int port = 0;
  for (const char c : std::string_view(count == 2 ? arguments[1] : "")) {
    port = c >= '0' && c <= '9' && port < 65536 ? port * 10 + (c - '0') : 65536;
  }
  if (port <= 0 || port > 65535) {
    std::fputs("usage: bench_relay UPSTREAM_PORT\n", stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  uv_loop_t* loop = uv_default_loop();
  uv_ip4_addr("127.0.0.1", port, &upstream_address);
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_t listener{};
  uv_tcp_init(loop, &listener);
  if (uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0) < 0 ||
      uv_listen(reinterpret_cast<uv_stream_t*>(&listener), kBacklog, on_connection) < 0) {
    std::fputs("cannot listen\n", stderr);
    return 1;
  }
  std::printf("%d\n", listening_port(listener));
  std::fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
