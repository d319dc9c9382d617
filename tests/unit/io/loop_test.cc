#include "proxy/io/loop.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proxy/io/connector.h"
#include "proxy/io/listener.h"
#include "proxy/io/resolver.h"
#include "proxy/io/tcp_stream.h"
#include "proxy/io/timer.h"

namespace parallax::io {

using namespace std::chrono_literals;

TEST_CASE("posted tasks run in order on the loop's thread, from any thread") {
  Loop loop;
  std::vector<int> order;
  std::thread poster([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&order, i] { order.push_back(i); });
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  poster.join();
  REQUIRE(order.size() == 1000);
  REQUIRE(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("an object that is deferred dies after the running callback, not in it") {
  Loop loop;
  struct Flag {
    explicit Flag(bool& flag) : dead(flag) {}
    ~Flag() { dead = true; }
    bool& dead;
  };
  bool dead = false;
  bool dead_in_callback = true;
  auto object = std::make_shared<Flag>(dead);
  loop.post([&] {
    loop.defer_destroy(std::exchange(object, nullptr));
    dead_in_callback = dead;
  });
  Timer timer(loop);
  timer.start(50ms, [&] { loop.stop(); });
  loop.run();
  REQUIRE_FALSE(dead_in_callback);
  REQUIRE(dead);
}

TEST_CASE("a timer may be destroyed in its own callback, and one that was destroyed never fires") {
  Loop loop;
  auto self = std::make_unique<Timer>(loop);
  auto never = std::make_unique<Timer>(loop);
  bool fired = false;
  int ticks = 0;
  Timer periodic(loop);
  never->start(5ms, [&] { fired = true; });
  self->start(1ms, [&] {
    self.reset();
    never.reset();
  });
  periodic.start_periodic(2ms, [&] {
    if (++ticks == 10) loop.stop();
  });
  loop.run();
  REQUIRE(ticks == 10);
  REQUIRE_FALSE(fired);
}

TEST_CASE(
    "numeric hosts and socket directories resolve to themselves; a dropped request never answers") {
  Loop loop;
  Resolved one;
  Resolved two;
  bool dropped_answered = false;
  const auto a = ResolveRequest::start(loop, "127.0.0.1", [&](const Resolved& r) { one = r; });
  const auto b =
      ResolveRequest::start(loop, "/run/postgresql", [&](const Resolved& r) { two = r; });
  ResolveRequest::start(loop, "localhost", [&](const Resolved&) {
    dropped_answered = true;
  }).reset();
  std::string localhost;
  const auto c = ResolveRequest::start(loop, "localhost", [&](const Resolved& r) {
    localhost = r.addresses.empty() ? r.error : r.addresses.front();
    loop.stop();
  });
  loop.run();
  REQUIRE(one.addresses == std::vector<std::string>{"127.0.0.1"});
  REQUIRE(two.addresses == std::vector<std::string>{"/run/postgresql"});
  REQUIRE((localhost == "127.0.0.1" || localhost == "::1"));
  REQUIRE_FALSE(dropped_answered);
}

namespace {

// Sends everything back, and ends when its peer has ended.
struct Echo final : StreamListener {
  explicit Echo(std::unique_ptr<ByteStream> s) : stream(std::move(s)) {
    stream->set_listener(this);
    stream->resume_reading();
  }
  void on_bytes(Bytes chunk) override {
    stream->write(chunk);
    if (stream->queued_bytes() > kHighWaterBytes) stream->pause_reading();
  }
  void on_end() override { stream->finish_writing(); }
  void on_broken(const std::string&) override { broken = true; }
  void on_drained() override { stream->resume_reading(); }
  std::unique_ptr<ByteStream> stream;
  bool broken = false;
};

struct Collect final : StreamListener {
  void on_bytes(Bytes chunk) override {
    received.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
  }
  void on_end() override {
    ended = true;
    loop->stop();
  }
  void on_broken(const std::string& what) override {
    error = what;
    loop->stop();
  }
  void on_drained() override { ++drained; }
  Loop* loop = nullptr;
  std::string received;
  std::string error;
  bool ended = false;
  int drained = 0;
};

}  // namespace

TEST_CASE("streams over real sockets: megabytes there and back, ends in order") {
  Loop loop;
  std::unique_ptr<Echo> echo;
  Listener listener(loop, "127.0.0.1", 0, [&](int fd) {
    echo = std::make_unique<Echo>(std::make_unique<TcpStream>(loop, fd));
  });
  const auto address = listener.address();
  const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));

  Collect collect;
  collect.loop = &loop;
  std::string sent;
  for (int i = 0; i < 3'000'000; ++i) sent += std::to_string(i) + ",";
  std::unique_ptr<ByteStream> client;
  Connector connector(loop, "localhost", port, 5s, [&](ConnectResult result) {
    REQUIRE(result.error.empty());
    client = std::move(result.stream);
    client->set_listener(&collect);
    client->write(std::as_bytes(std::span(sent)));
    REQUIRE(client->queued_bytes() > 0);
    client->finish_writing();
    client->resume_reading();
  });
  loop.run();
  REQUIRE(collect.ended);
  REQUIRE(collect.received == sent);
  REQUIRE(collect.drained == 1);
  REQUIRE_FALSE(echo->broken);
}

TEST_CASE("a port where nobody listens is refused") {
  Loop loop;
  std::string refused;
  Connector to_nobody(loop, "127.0.0.1", 1, 5s, [&](ConnectResult result) {
    refused = result.error;
    loop.stop();
  });
  loop.run();
  REQUIRE(refused == "Connection refused");
}

TEST_CASE("what the peer had sent is read also when nothing can be written any more") {
  std::signal(SIGPIPE, SIG_IGN);  // as main() does
  Loop loop;
  int pair[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
  TcpStream stream(loop, pair[0]);
  Collect collect;
  collect.loop = &loop;
  stream.set_listener(&collect);
  const std::string last_words(1000, 'w');
  REQUIRE(::write(pair[1], last_words.data(), last_words.size()) == 1000);
  ::close(pair[1]);
  for (int i = 0; i < 3; ++i) stream.write(std::as_bytes(std::span(last_words)));
  Timer later(loop);
  later.start(20ms, [&] { stream.resume_reading(); });
  loop.run();
  REQUIRE(collect.received == last_words);
  REQUIRE((collect.ended || !collect.error.empty()));
  REQUIRE(stream.queued_bytes() == 0);
}

TEST_CASE("a descriptor that is no socket is reported, not fatal") {
  Loop loop;
  Collect collect;
  collect.loop = &loop;
  TcpStream stream(loop, -1);
  stream.set_listener(&collect);
  loop.run();
  REQUIRE_FALSE(collect.error.empty());
}

}  // namespace parallax::io
