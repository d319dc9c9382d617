#include "proxy/io/loop.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proxy/io/connector.h"
#include "proxy/io/listener.h"
#include "proxy/io/name_lookup.h"
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

TEST_CASE(
    "who asks for a name while its look-up runs gets its answer, and who has gone gets none") {
  Loop loop;
  NameLookup names(loop);
  std::vector<int> answered;
  auto gone = names.ask("localhost", [&](const Resolved&) { answered.push_back(0); });
  std::shared_ptr<const NameLookup::Callback> again;
  const auto first = names.ask("localhost", [&](const Resolved& resolved) {
    REQUIRE_FALSE(resolved.addresses.empty());
    answered.push_back(1);
    again = names.ask("localhost", [&](const Resolved&) {
      answered.push_back(3);
      loop.stop();
    });
  });
  // Asked of a name that nothing would be found for: no other look-up has been made.
  const auto second = names.ask("no-such-name.invalid", [&](const Resolved& resolved) {
    REQUIRE_FALSE(resolved.addresses.empty());
    answered.push_back(2);
  });
  gone.reset();
  loop.run();
  REQUIRE(answered == std::vector<int>{1, 2, 3});
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
  Listener listener(loop, "127.0.0.1", 0, [&](const AcceptedSocket& socket) {
    REQUIRE(socket.peer == "127.0.0.1");
    REQUIRE(socket.local);
    echo = std::make_unique<Echo>(std::make_unique<TcpStream>(loop, socket.fd));
  });
  const auto port = listener.address().port;
  REQUIRE(listener.address().text() == "127.0.0.1:" + std::to_string(port));

  Collect collect;
  collect.loop = &loop;
  std::string sent;
  for (int i = 0; i < 3'000'000; ++i) sent += std::to_string(i) + ",";
  std::unique_ptr<ByteStream> client;
  Connector connector(loop, "localhost", port, 5s, [&](ConnectResult result) {
    REQUIRE(result.error.empty());
    REQUIRE(listener.address().receives(result.peer, result.local, port));
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

TEST_CASE("a Unix socket: made, replaced when it was left behind, removed at the end") {
  Loop loop;
  char directory[] = "/tmp/parallax-socket-XXXXXX";
  REQUIRE(mkdtemp(directory) != nullptr);
  const std::string file = std::string(directory) + "/.s.PGSQL.6432";
  // As a killed program leaves it: bound, and nobody behind it.
  const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  file.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::close(left);
  {
    bool accepted = false;
    Listener listener(loop, directory, 6432, [&](const AcceptedSocket& socket) {
      accepted = socket.local && socket.peer.empty();
      ::close(socket.fd);
      loop.stop();
    });
    REQUIRE(listener.address().text() == std::string(directory) + ":6432");
    REQUIRE_THROWS_WITH(Listener(loop, directory, 6432, [](const AcceptedSocket&) {}),
                        Catch::Matchers::Contains("another program listens there"));
    Connector connector(loop, directory, 6432, 5s, [](const ConnectResult& result) {
      REQUIRE(result.error.empty());
      REQUIRE(result.local.empty());
    });
    loop.run();
    REQUIRE(accepted);
  }
  REQUIRE(::access(file.c_str(), F_OK) != 0);
  ::rmdir(directory);
}

TEST_CASE("an address that swallows everything costs a moment, not the time limit") {
  // 198.18.0.1 (RFC 2544) leads nowhere; when the machine has no route, it fails at once.
  Loop loop;
  ConnectResult got;
  bool accepted = false;
  const auto stop_when_done = [&] {
    if (accepted && got.stream != nullptr) loop.stop();
  };
  Listener listener(loop, "127.0.0.1", 0, [&](const AcceptedSocket& socket) {
    ::close(socket.fd);
    accepted = true;
    stop_when_done();
  });
  Connector connector(loop, std::vector<std::string>{"198.18.0.1", "127.0.0.1"},
                      listener.address().port, 5s, [&](ConnectResult result) {
                        got = std::move(result);
                        stop_when_done();
                      });
  const auto sockets = [] {
    std::error_code gone;  // the iterator's own descriptor
    return std::ranges::count_if(
        std::filesystem::directory_iterator("/proc/self/fd"), [&](const auto& entry) {
          return std::filesystem::read_symlink(entry.path(), gone).string().starts_with("socket:");
        });
  };
  const auto before = sockets();
  loop.run();
  REQUIRE(got.error.empty());
  REQUIRE(got.peer == "127.0.0.1");
  // The connector lives on; the attempt that lost does not.
  REQUIRE(sockets() == before + 1);
}

TEST_CASE("where a connection would come back to a listener") {
  using Address = BoundAddress;
  CHECK(Address{"127.0.0.1", 6432}.receives("127.0.0.1", "127.0.0.1", 6432));
  CHECK_FALSE(Address{"127.0.0.1", 6432}.receives("127.0.0.1", "127.0.0.1", 5432));
  CHECK_FALSE(Address{"127.0.0.1", 6432}.receives("127.0.0.2", "127.0.0.1", 6432));
  CHECK(Address{"0.0.0.0", 6432}.receives("127.0.0.2", "127.0.0.1", 6432));
  CHECK(Address{"0.0.0.0", 6432}.receives("192.0.2.7", "192.0.2.7", 6432));
  CHECK_FALSE(Address{"0.0.0.0", 6432}.receives("192.0.2.8", "192.0.2.7", 6432));
  CHECK(Address{"/run/parallax", 6432}.receives("/run/parallax", "", 6432));
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

TEST_CASE("small writes that wait are counted with what each of them costs") {
  Loop loop;
  int pair[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
  TcpStream stream(loop, pair[0]);
  Collect collect;
  collect.loop = &loop;
  stream.set_listener(&collect);
  const std::string much(65'536, 'm');
  std::size_t written = 0;
  while (stream.queued_bytes() == 0) {
    stream.write(std::as_bytes(std::span(much)));
    written += much.size();
  }
  const std::string one(1, 'o');
  std::size_t small = 0;
  for (; stream.queued_bytes() <= kHighWaterBytes; ++small)
    stream.write(std::as_bytes(std::span(one)));
  REQUIRE(small < 4096);
  TcpStream peer(loop, pair[1]);
  Collect taken;
  taken.loop = &loop;
  peer.set_listener(&taken);
  peer.resume_reading();
  Timer until(loop);
  std::function<void()> look = [&] {
    if (taken.received.size() == written + small && stream.queued_bytes() == 0) return loop.stop();
    until.start(1ms, look);
  };
  until.start(1ms, look);
  loop.run();
  REQUIRE(stream.queued_bytes() == 0);
  REQUIRE(collect.drained == 1);
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

TEST_CASE("a descriptor that is no socket, and a stream that does not live to tell") {
  Loop loop;
  auto stream = std::make_unique<TcpStream>(loop, -1);
  Timer end(loop);
  end.start(1ms, [&] { loop.stop(); });
  stream.reset();
  loop.run();
}

}  // namespace parallax::io
