// A TCP relay that treats bytes as a bad network may: it cuts them into segments, many of one byte,
// stalls, or resets the connection at a random place. Never a byte is changed.
//
//   hostile_relay UPSTREAM_PORT [--seed N] [--mode segments|stalls|resets] [--single-bytes N]
//                 [--max-segment N]
//
// Prints the port it listens on and the seed. The first --single-bytes (600) of each direction go
// one by one, with a pause after each, so that the receiver reads them one by one; of the rest half
// of the segments have one byte, the others 1 to --max-segment (1000). `stalls` waits 1 to 40 ms
// before one segment in 50. `resets` ends each connection by RST on both of its legs after some
// bytes: half of them within 600, a login's length, the others within 60000. SIGUSR1 ends the
// stalls and resets.

#include <netinet/in.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr int kBacklog = 1024;
constexpr std::size_t kSlabBytes = 64 * 1024;
constexpr unsigned kStallOneIn = 50;
constexpr unsigned kStallMsMax = 40;
constexpr std::chrono::microseconds kPause{20};
constexpr unsigned kEarlyBytesMax = 600;  // about what a login takes
constexpr unsigned kResetBytesMax = 60'000;

enum class Mode : std::uint8_t { segments, stalls, resets };

struct Options {
  unsigned port = 0;
  unsigned seed = 1;
  unsigned single_bytes = 600;
  unsigned max_segment = 1000;
  Mode mode = Mode::segments;
};

Options options;
std::mt19937 dice;
sockaddr_in upstream_address;
std::array<char, kSlabBytes> slab;  // a read is copied before the next one

unsigned roll(unsigned from, unsigned to) {
  return std::uniform_int_distribution<unsigned>(from, to)(dice);
}

struct Relay;

// The way from one socket to the other. It reads on only when all that it has read is written:
// bounded without counting.
struct Direction {
  Relay* relay = nullptr;
  uv_tcp_t* from = nullptr;
  uv_tcp_t* to = nullptr;
  std::vector<char> pending;
  std::size_t written = 0;
  std::size_t sent = 0;  // since the beginning
  bool waiting = false;  // for a stall to end, or for a segment that the kernel did not take
  bool ended = false;    // the source's end was read and passed on
  uv_timer_t stall{};
  uv_write_t write{};
  uv_shutdown_t shutdown{};

  bool has_work() const { return written < pending.size() && !waiting; }
};

struct Relay {
  uv_tcp_t client{};
  uv_tcp_t server{};
  uv_connect_t connect{};
  Direction up;
  Direction down;
  std::size_t bytes_left = 0;  // until the reset
  int open_handles = 0;
  bool closing = false;
};

std::vector<Relay*> relays;
uv_idle_t turn;  // one segment for each direction in a turn of the loop; runs while there is work

template <typename Handle>
uv_handle_t* as_handle(Handle* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}
uv_stream_t* as_stream(uv_tcp_t* tcp) { return reinterpret_cast<uv_stream_t*>(tcp); }

void on_closed(uv_handle_t* handle) {
  auto* relay = static_cast<Relay*>(handle->data);
  if (--relay->open_handles > 0) return;
  std::erase(relays, relay);
  delete relay;
}

void close_relay(Relay& relay, bool by_reset) {
  if (relay.closing) return;
  relay.closing = true;
  for (Direction* way : {&relay.up, &relay.down}) {
    way->stall.data = &relay;
    uv_close(as_handle(&way->stall), on_closed);
  }
  for (uv_tcp_t* tcp : {&relay.client, &relay.server}) {
    tcp->data = &relay;
    // A reset is refused while a shutdown is under way.
    if (!by_reset || uv_tcp_close_reset(tcp, on_closed) != 0) uv_close(as_handle(tcp), on_closed);
  }
}

void on_alloc(uv_handle_t*, std::size_t, uv_buf_t* buffer) {
  *buffer = uv_buf_init(slab.data(), kSlabBytes);
}

void end_direction(Direction& way) {
  way.ended = true;
  if (way.relay->up.ended && way.relay->down.ended) return close_relay(*way.relay, false);
  if (uv_shutdown(&way.shutdown, as_stream(way.to), [](uv_shutdown_t*, int) {}) < 0)
    close_relay(*way.relay, true);
}

void run_turn(uv_idle_t*);

void on_read(uv_stream_t* source, ssize_t count, const uv_buf_t* buffer) {
  auto& way = *static_cast<Direction*>(source->data);
  if (count == UV_EOF) {
    uv_read_stop(source);
    return end_direction(way);
  }
  if (count < 0) return close_relay(*way.relay, true);
  if (count == 0) return;
  uv_read_stop(source);
  way.pending.assign(buffer->base, buffer->base + count);
  way.written = 0;
  uv_idle_start(&turn, run_turn);
}

void read_on(Direction& way) {
  if (uv_read_start(as_stream(way.from), on_alloc, on_read) < 0) close_relay(*way.relay, true);
}

// What one segment takes along.
std::size_t segment_size(const Direction& way) {
  const bool single = way.sent < options.single_bytes || roll(0, 1) == 0;
  const unsigned drawn = single ? 1 : roll(1, options.max_segment);
  return std::min<std::size_t>(drawn, way.pending.size() - way.written);
}

bool begins_stall(Direction& way) {
  if (options.mode != Mode::stalls || roll(1, kStallOneIn) != 1) return false;
  way.waiting = true;
  uv_timer_start(
      &way.stall,
      [](uv_timer_t* timer) {
        static_cast<Direction*>(timer->data)->waiting = false;
        uv_idle_start(&turn, run_turn);
      },
      roll(1, kStallMsMax), 0);
  return true;
}

void advance(Direction& way, std::size_t count) {
  way.written += count;
  way.sent += count;
  if (options.mode == Mode::resets) {
    way.relay->bytes_left -= std::min(way.relay->bytes_left, count);
    if (way.relay->bytes_left == 0) return close_relay(*way.relay, true);
  }
  if (way.written == way.pending.size()) read_on(way);
}

void on_written(uv_write_t* request, int status) {
  auto& way = *static_cast<Direction*>(request->data);
  if (way.relay->closing) return;
  if (status < 0) return close_relay(*way.relay, true);
  way.waiting = false;
  advance(way, 1);
  uv_idle_start(&turn, run_turn);
}

void send_segment(Direction& way) {
  if (begins_stall(way)) return;
  uv_buf_t segment =
      uv_buf_init(way.pending.data() + way.written, static_cast<unsigned>(segment_size(way)));
  const int sent = uv_try_write(as_stream(way.to), &segment, 1);
  if (sent > 0) return advance(way, static_cast<std::size_t>(sent));
  if (sent < 0 && sent != UV_EAGAIN) return close_relay(*way.relay, true);
  segment.len = 1;  // the kernel's buffer is full: one byte waits for room
  way.waiting = true;
  way.write.data = &way;
  if (uv_write(&way.write, as_stream(way.to), &segment, 1, on_written) < 0)
    close_relay(*way.relay, true);
}

void run_turn(uv_idle_t*) {
  bool more = false;
  bool pause = false;
  for (Relay* relay : relays) {
    for (Direction* way : {&relay->up, &relay->down}) {
      if (relay->closing || !way->has_work()) continue;
      pause = pause || way->sent < options.single_bytes;
      send_segment(*way);
      more = more || (!relay->closing && way->has_work());
    }
  }
  if (!more) uv_idle_stop(&turn);
  if (pause) std::this_thread::sleep_for(kPause);
}

void on_connected(uv_connect_t* request, int status) {
  auto& relay = *static_cast<Relay*>(request->data);
  if (relay.closing) return;
  if (status < 0) return close_relay(relay, true);
  uv_tcp_nodelay(&relay.server, 1);
  read_on(relay.up);
  if (!relay.closing) read_on(relay.down);
}

void set_up(Direction& way, Relay& relay, uv_tcp_t& from, uv_tcp_t& to, uv_loop_t* loop) {
  way.relay = &relay;
  way.from = &from;
  way.to = &to;
  from.data = &way;
  uv_timer_init(loop, &way.stall);
  way.stall.data = &way;
}

void on_connection(uv_stream_t* listener, int status) {
  if (status < 0) return;
  auto* relay = new Relay;
  relays.push_back(relay);
  uv_tcp_init(listener->loop, &relay->client);
  uv_tcp_init(listener->loop, &relay->server);
  set_up(relay->up, *relay, relay->client, relay->server, listener->loop);
  set_up(relay->down, *relay, relay->server, relay->client, listener->loop);
  relay->open_handles = 4;
  relay->bytes_left = roll(1, roll(0, 1) == 0 ? kEarlyBytesMax : kResetBytesMax);
  relay->connect.data = relay;
  if (uv_accept(listener, as_stream(&relay->client)) < 0) return close_relay(*relay, true);
  uv_tcp_nodelay(&relay->client, 1);
  if (uv_tcp_connect(&relay->connect, &relay->server,
                     reinterpret_cast<const sockaddr*>(&upstream_address), on_connected) < 0) {
    close_relay(*relay, true);
  }
}

bool read_number(std::string_view text, unsigned least, unsigned most, unsigned& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= least &&
         number <= most;
}

bool read_mode(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Mode>, 3> kModes{
      {{"segments", Mode::segments}, {"stalls", Mode::stalls}, {"resets", Mode::resets}}};
  const auto* found = std::ranges::find(kModes, text, &std::pair<std::string_view, Mode>::first);
  if (found == kModes.end()) return false;
  options.mode = found->second;
  return true;
}

bool read_options(const std::vector<std::string_view>& words) {
  if (words.empty() || words.size() % 2 == 0) return false;
  if (!read_number(words[0], 1, 65535, options.port)) return false;
  for (std::size_t i = 1; i < words.size(); i += 2) {
    const auto value = words[i + 1];
    bool good = false;
    if (words[i] == "--seed") good = read_number(value, 0, UINT32_MAX, options.seed);
    if (words[i] == "--mode") good = read_mode(value);
    if (words[i] == "--single-bytes")
      good = read_number(value, 0, UINT32_MAX, options.single_bytes);
    if (words[i] == "--max-segment") good = read_number(value, 1, kSlabBytes, options.max_segment);
    if (!good) return false;
  }
  return true;
}

int listening_port(const uv_tcp_t& listener) {
  sockaddr_in bound{};
  int size = sizeof bound;
  uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&bound), &size);
  return ntohs(bound.sin_port);
}

}  // namespace

int main(int count, char** arguments) {
  if (!read_options({arguments + 1, arguments + count})) {
    std::fputs(
        "usage: hostile_relay UPSTREAM_PORT [--seed N] [--mode segments|stalls|resets] "
        "[--single-bytes N] [--max-segment N]\n",
        stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  dice.seed(options.seed);
  uv_loop_t* loop = uv_default_loop();
  uv_idle_init(loop, &turn);
  uv_ip4_addr("127.0.0.1", static_cast<int>(options.port), &upstream_address);
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_t listener{};
  uv_tcp_init(loop, &listener);
  if (uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0) < 0 ||
      uv_listen(reinterpret_cast<uv_stream_t*>(&listener), kBacklog, on_connection) < 0) {
    std::fputs("cannot listen\n", stderr);
    return 1;
  }
  uv_signal_t calm{};
  uv_signal_init(loop, &calm);
  uv_signal_start(
      &calm, [](uv_signal_t*, int) { options.mode = Mode::segments; }, SIGUSR1);
  std::printf("port %d seed %u\n", listening_port(listener), options.seed);
  std::fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
