#include "proxy/io/tls_stream.h"

#include <catch2/catch.hpp>
#include <deque>
#include <string>
#include <vector>

#include "tests/support/tls_peer.h"

namespace parallax::io {
namespace {

using test::TlsPeer;

std::string text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
Bytes bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// A transport whose far end the test plays.
struct Transport final : ByteStream {
  explicit Transport(struct Rig& owner);
  ~Transport() override;
  void set_listener(StreamListener* to) override { listener = to; }
  void write(Bytes chunk) override { writes.push_back(text(chunk)); }
  std::size_t queued_bytes() const override { return queued; }
  void resume_reading() override { reading = true; }
  void pause_reading() override { reading = false; }
  void finish_writing() override { finished = true; }

  Rig& rig;
  StreamListener* listener = nullptr;
  std::vector<std::string> writes;
  std::size_t queued = 0;
  bool reading = false;
  bool finished = false;
};

struct Rig final : StreamListener {
  Rig() {
    auto context = TlsContext::server({});
    auto made = std::make_unique<Transport>(*this);
    transport = made.get();
    stream = std::make_unique<TlsStream>(
        std::move(made),
        TlsEngine::server(std::get<std::shared_ptr<const TlsContext>>(std::move(context))),
        [this](std::function<void()> task) { later.push_back(std::move(task)); });
    stream->set_listener(this);
  }
  void on_bytes(Bytes chunk) override {
    chunks.push_back(text(chunk));
    if (during_bytes) during_bytes();
  }
  void on_end() override { ended = true; }
  void on_broken(const std::string& what) override { broken = what; }
  void on_drained() override { drained = true; }

  // Ciphertext arrives, in one read, if the stream is willing to read.
  void arrive(std::string_view ciphertext) {
    REQUIRE(transport->reading);
    transport->listener->on_bytes(bytes(ciphertext));
  }
  void run_later() {
    while (!later.empty()) {
      const auto task = std::move(later.front());
      later.pop_front();
      task();
    }
  }
  std::string take() {
    std::string all;
    for (auto& one : std::exchange(transport->writes, {})) all += one;
    return all;
  }
  void establish() {
    stream->handshake({}, [this](const std::string& error) { handshake_error = error; });
    client.step();
    for (int i = 0; i < 5; ++i) {
      if (const auto there = client.take(); !there.empty()) arrive(there);
      client.feed(take());
    }
    REQUIRE(client.established());
    REQUIRE(handshake_error.empty());
    REQUIRE_FALSE(transport->reading);  // until it is asked to
    stream->resume_reading();
  }

  TlsPeer client{TlsPeer::Role::client};
  Transport* transport = nullptr;
  std::unique_ptr<TlsStream> stream;
  std::deque<std::function<void()>> later;
  std::function<void()> during_bytes;
  std::vector<std::string> chunks;
  std::string handshake_error = "not called";
  std::string broken;
  bool ended = false;
  bool drained = false;
};

Transport::Transport(Rig& owner) : rig(owner) {}
Transport::~Transport() { rig.transport = nullptr; }

}  // namespace

TEST_CASE("each record is one chunk, each write one write") {
  Rig rig;
  rig.establish();
  for (const auto* words : {"startup", "query", "terminate"}) rig.client.write(words);
  rig.arrive(rig.client.take());
  REQUIRE(rig.chunks == std::vector<std::string>{"startup", "query", "terminate"});
  rig.stream->write(bytes(std::string(40'000, 'x')));
  REQUIRE(rig.transport->writes.size() == 1);
  rig.client.feed(rig.take());
  REQUIRE(rig.client.received == std::string(40'000, 'x'));
}

TEST_CASE("records that came with the last handshake message wait for the reader") {
  Rig rig;
  rig.stream->handshake({}, [&](const std::string& error) { rig.handshake_error = error; });
  rig.client.step();
  rig.arrive(rig.client.take());
  rig.client.feed(rig.take());
  rig.client.write("startup");  // in the same flight as Finished
  rig.arrive(rig.client.take());
  REQUIRE(rig.handshake_error.empty());
  REQUIRE(rig.chunks.empty());
  rig.stream->resume_reading();
  REQUIRE(rig.chunks.empty());  // not from within the call
  rig.run_later();
  REQUIRE(rig.chunks == std::vector<std::string>{"startup"});
  REQUIRE(rig.transport->reading);
}

TEST_CASE("a pause in the middle of a read holds the rest, and no event is needed to go on") {
  Rig rig;
  rig.establish();
  for (const auto* words : {"one", "two", "three"}) rig.client.write(words);
  rig.during_bytes = [&] { rig.stream->pause_reading(); };
  rig.arrive(rig.client.take());
  REQUIRE(rig.chunks.size() == 1);
  REQUIRE_FALSE(rig.transport->reading);
  rig.stream->resume_reading();
  rig.run_later();
  REQUIRE(rig.chunks.size() == 2);
  rig.during_bytes = nullptr;
  rig.stream->resume_reading();
  rig.run_later();
  REQUIRE(rig.chunks == std::vector<std::string>{"one", "two", "three"});
  REQUIRE(rig.transport->reading);
}

TEST_CASE("resumed and paused again before its turn: nothing is delivered") {
  Rig rig;
  rig.establish();
  rig.client.write("one");
  rig.client.write("two");
  rig.during_bytes = [&] { rig.stream->pause_reading(); };
  rig.arrive(rig.client.take());
  rig.stream->resume_reading();
  rig.stream->pause_reading();
  rig.run_later();
  REQUIRE(rig.chunks.size() == 1);
  REQUIRE_FALSE(rig.transport->reading);
}

TEST_CASE("the listener may destroy the stream in any call") {
  Rig in_bytes;
  in_bytes.establish();
  in_bytes.client.write("one");
  in_bytes.client.write("two");
  in_bytes.during_bytes = [&] { in_bytes.stream.reset(); };
  in_bytes.arrive(in_bytes.client.take());
  REQUIRE(in_bytes.chunks.size() == 1);

  Rig in_handshake;
  in_handshake.stream->handshake({}, [&](const std::string&) { in_handshake.stream.reset(); });
  in_handshake.arrive("this is no TLS");
  REQUIRE(in_handshake.transport == nullptr);

  Rig at_once;  // the early bytes of a direct TLS connection
  at_once.stream->handshake(bytes("\x16nonsense"), [&](const std::string& error) {
    at_once.handshake_error = error;
    at_once.stream.reset();
  });
  REQUIRE_FALSE(at_once.handshake_error.empty());
  REQUIRE(at_once.transport == nullptr);
}

TEST_CASE("ends: with close_notify, without, and broken") {
  Rig told;
  told.establish();
  told.client.write("last words");
  SSL_shutdown(told.client.ssl());
  told.arrive(told.client.take());
  REQUIRE(told.chunks == std::vector<std::string>{"last words"});
  REQUIRE(told.ended);
  told.transport->listener->on_end();  // the transport's end is no second one
  told.stream->finish_writing();
  REQUIRE(told.transport->finished);
  told.client.feed(told.take());
  REQUIRE(told.client.ended);  // it got ours

  Rig cut;
  cut.establish();
  cut.transport->listener->on_end();
  REQUIRE(cut.ended);

  Rig reset;
  reset.establish();
  reset.transport->listener->on_broken("reset");
  REQUIRE(reset.broken == "reset");

  Rig damaged;
  damaged.establish();
  damaged.client.write("one");
  auto record = damaged.client.take();
  record.back() = static_cast<char>(record.back() ^ 1);
  damaged.arrive(record);
  REQUIRE(damaged.broken.starts_with("TLS: "));
  REQUIRE_FALSE(damaged.transport->reading);
}

TEST_CASE("a handshake that the peer leaves") {
  for (const bool clean : {true, false}) {
    Rig rig;
    rig.stream->handshake({}, [&](const std::string& error) { rig.handshake_error = error; });
    rig.client.step();
    const auto hello = rig.client.take();
    rig.arrive(std::string_view(hello).substr(0, hello.size() / 2));
    clean ? rig.transport->listener->on_end() : rig.transport->listener->on_broken("reset");
    REQUIRE(rig.handshake_error == (clean ? "the peer closed the connection" : "reset"));
    REQUIRE_FALSE(rig.ended);
  }
}

TEST_CASE("the transport's queue is the stream's") {
  Rig rig;
  rig.establish();
  rig.transport->queued = 300'000;
  REQUIRE(rig.stream->queued_bytes() == 300'000);
  rig.transport->listener->on_drained();
  REQUIRE(rig.drained);
}

}  // namespace parallax::io
