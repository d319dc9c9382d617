// Whole sessions in memory. The server's part is played by a script that answers as PostgreSQL
// does.

#include <catch2/catch.hpp>
#include <string>

#include "sim_world.h"
#include "tests/support/wire.h"

namespace parallax::test {
namespace {

using be::ready;
using fe::query;
using fe::terminate;

std::string startup() { return fe::startup({{"user", "app"}, {"database", "shop"}}); }
const std::string kLoginAnswer = be::authentication_ok() +
                                 be::parameter_status("client_encoding", "UTF8") +
                                 be::backend_key_data(42, u32(4711)) + ready('I');

std::string answer(std::size_t rows, std::size_t width) {
  std::string result = be::row_description({{"x"}});
  for (std::size_t i = 0; i < rows; ++i)
    result += be::data_row({std::string(width, static_cast<char>('a' + i % 26))});
  return result + be::command_complete("SELECT " + std::to_string(rows)) + ready('I');
}

// Answers the startup packet, then each Query by the next of `answers`.
struct ScriptedServer {
  ScriptedServer(SimWorld& world, std::vector<std::string> answers)
      : world_(world), answers_(std::move(answers)) {
    world_.server.on_received = [this] { look(); };
  }
  void look() {
    auto& bytes = world_.server.received;
    if (!started_ && bytes.size() >= 4) {
      started_ = true;
      seen_ = startup_size(bytes);
      world_.server.send(kLoginAnswer);
    }
    while (started_ && bytes.size() >= seen_ + 5) {
      const auto length = read(bytes, seen_ + 1) + 1;
      if (bytes.size() < seen_ + length) break;
      const char type = bytes[seen_];
      seen_ += length;
      if (type == 'Q' && next_ < answers_.size()) world_.server.send(answers_[next_++]);
      if (type == 'X') world_.server.send_end();
    }
    if (world_.server.saw_end) world_.server.send_end();
  }
  static std::size_t read(const std::string& bytes, std::size_t at) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  }
  static std::size_t startup_size(const std::string& bytes) { return read(bytes, 0); }

  SimWorld& world_;
  std::vector<std::string> answers_;
  std::size_t next_ = 0;
  std::size_t seen_ = 0;
  bool started_ = false;
};

struct DeafTap final : protocol::ConversationListener {
  protocol::StatementRef on_query(std::string_view, bool) override {
    return std::make_shared<protocol::StatementNote>();
  }
  protocol::StatementRef on_parse(const protocol::ParseView&, bool) override {
    return std::make_shared<protocol::StatementNote>();
  }
  protocol::BindingRef on_bind(const protocol::StatementRef&, const protocol::BindView&,
                               bool) override {
    return std::make_shared<protocol::BindingNote>();
  }
  void on_command(const protocol::Command&) override {}
  void on_parameter_status(std::string_view, std::string_view) override {}
  void on_ready(char) override {}
  void on_error(std::string_view, bool) override {}
  void on_lost(std::string_view) override {}
};

struct Transcript {
  std::string client_sent;
  std::string server_received;
  std::string client_received;
  proxy::CloseReason reason;
};

Transcript run_traffic(std::uint64_t seed, bool tapped) {
  SimWorld world(seed);
  world.chunk_max = 1 + seed % 300;
  if (tapped) world.make_tap = [] { return std::make_unique<DeafTap>(); };
  const ScriptedServer server(world, {answer(3, 10), answer(0, 1), answer(200, 500)});
  world.open_session();
  const auto sent =
      startup() + query("select 1") + query("select 2") + query("select 3") + terminate();
  world.client.send(sent);
  world.run();
  REQUIRE(world.session_ended);
  return {sent, world.server.received, world.client.received, world.reason};
}

}  // namespace

TEST_CASE("every byte arrives, in order, whatever the chunks, with and without a tap") {
  const auto base = run_seed();
  const auto expected = kLoginAnswer + answer(3, 10) + answer(0, 1) + answer(200, 500);
  for (std::uint64_t i = 0; i < 200; ++i) {
    INFO("PARALLAX_SEED=" << base << " round " << i);
    for (const bool tapped : {false, true}) {
      const auto result = run_traffic(base + i, tapped);
      REQUIRE(result.server_received == result.client_sent);
      REQUIRE(result.client_received == expected);
      REQUIRE(result.reason == proxy::CloseReason::server_closed);
    }
  }
}

TEST_CASE(
    "a reset on either leg at any moment ends the session once, and what was delivered is a "
    "prefix") {
  const auto base = run_seed();
  const auto expected = kLoginAnswer + answer(3, 10) + answer(50, 400);
  for (std::uint64_t i = 0; i < 600; ++i) {
    INFO("PARALLAX_SEED=" << base << " round " << i);
    SimWorld world(base + i);
    world.chunk_max = 1 + i % 97;
    const ScriptedServer server(world, {answer(3, 10), answer(50, 400)});
    world.open_session();
    world.client.send(startup() + query("select 1") + query("select 2"));
    auto& victim = i % 2 == 0 ? world.client : world.server;
    world.at(world.random() % 60'000'000, [&] { victim.reset(); });
    world.at(10'000'000'000, [&] { world.client.send_end(); });
    world.run();
    INFO("server received " << world.server.received.size() << " saw_end " << world.server.saw_end
                            << " client received " << world.client.received.size() << " of "
                            << expected.size());
    REQUIRE(world.session_ended);
    REQUIRE(world.sessions_gauge() == 0);
    REQUIRE(world.admitted == 0);
    REQUIRE(world.unauthenticated_told == 1);
    REQUIRE(expected.starts_with(world.client.received));
  }
}

TEST_CASE("a client that sends an insert, says goodbye and goes away is not cut short") {
  for (const bool resets : {false, true}) {
    SimWorld world(run_seed());
    ScriptedServer server(world, {});
    world.open_session();
    world.client.send(startup());
    world.run(std::chrono::seconds(5));
    REQUIRE(world.client.received == kLoginAnswer);
    const auto words = query("insert into t values (1)") + terminate();
    world.client.send(words);
    world.client.send_end();
    if (resets) world.at(50'000'000, [&] { world.client.reset(); });
    world.run();
    REQUIRE(world.server.received == startup() + words);
    REQUIRE((world.server.saw_end || world.server.saw_close));
    REQUIRE(world.session_ended);
  }
}

TEST_CASE("the server's last words reach a slow client before the end") {
  SimWorld world(run_seed());
  const ScriptedServer server(world, {answer(5000, 200)});
  world.open_session();
  world.client.send(startup());
  world.run(std::chrono::seconds(5));
  world.client.window = 1000;
  world.client.send(query("select much"));
  const auto fatal = be::error("57P01", "bye");
  world.at(1'000'000'000, [&] {
    world.server.send(fatal);
    world.server.send_end();
  });
  world.run(std::chrono::seconds(30));
  REQUIRE_FALSE(world.session_ended);
  world.client.open_window(SIZE_MAX);
  world.run();
  REQUIRE(world.client.received == kLoginAnswer + answer(5000, 200) + fatal);
  REQUIRE(world.client.saw_end);
  REQUIRE(world.session_ended);
  REQUIRE(world.reason == proxy::CloseReason::server_closed);
}

TEST_CASE("a client that reads nothing pauses the server and costs bounded memory") {
  SimWorld world(run_seed());
  world.chunk_max = 65536;
  const auto much = answer(20'000, 1000);
  const ScriptedServer server(world, {much});
  world.open_session();
  world.client.send(startup());
  world.run(std::chrono::seconds(5));
  world.client.window = 0;
  world.client.send(query("select much"));
  world.run(std::chrono::seconds(60));
  REQUIRE(world.client_stream->queued_max <= io::kHighWaterBytes + 65536);
  REQUIRE(world.client_stream->queued_max > io::kHighWaterBytes);
  world.client.open_window(SIZE_MAX);
  world.client.send(terminate());
  world.run();
  REQUIRE(world.client.received == kLoginAnswer + much);
}

TEST_CASE("both sides full at once: the directions do not wait for each other") {
  SimWorld world(run_seed());
  world.chunk_max = 65536;
  const ScriptedServer server(world, {});
  world.open_session();
  world.client.send(startup());
  world.run(std::chrono::seconds(5));
  const std::string flood_up = query(std::string(2'000'000, 'u'));
  const std::string flood_down = be::notice(std::string(2'000'000, 'd'));
  world.client.window = 0;
  world.client.send(flood_up);
  world.server.send(flood_down);
  world.run(std::chrono::seconds(5));
  REQUIRE(world.server.received == startup() + flood_up);  // up went through while down stands
  world.client.open_window(SIZE_MAX);
  world.client.send(terminate());
  world.run();
  REQUIRE(world.client.received == kLoginAnswer + flood_down);
}

TEST_CASE(
    "encryption requests are answered N, once each, and nothing may follow them in one flight") {
  SECTION("SSLRequest, GSSENCRequest, startup") {
    SimWorld world(run_seed());
    ScriptedServer server(world, {});
    world.open_session();
    world.client.send(fe::gssenc_request());
    world.run(std::chrono::seconds(1));
    REQUIRE(world.client.received == "N");
    world.client.send(fe::ssl_request());
    world.run(std::chrono::seconds(1));
    REQUIRE(world.client.received == "NN");
    world.client.send(startup() + terminate());
    world.run();
    REQUIRE(world.client.received == "NN" + kLoginAnswer);
    REQUIRE(world.server.received == startup() + terminate());
  }
  SECTION("twice") {
    SimWorld world(run_seed());
    world.open_session();
    world.client.send(fe::ssl_request());
    world.run(std::chrono::seconds(1));
    world.client.send(fe::ssl_request());
    world.run();
    REQUIRE(world.client.received.find("0A000") != std::string::npos);
    REQUIRE(world.client.received.find("unsupported frontend protocol 1234.5679") !=
            std::string::npos);
    REQUIRE(world.reason == proxy::CloseReason::bad_startup);
  }
  SECTION("stuffed") {
    SimWorld world(run_seed());
    world.chunk_max = 1'000'000;
    world.whole_chunks = true;
    world.open_session();
    world.client.send(fe::ssl_request() + startup());
    world.run();
    REQUIRE(world.session_ended);
    REQUIRE(world.reason == proxy::CloseReason::stuffed);
    REQUIRE(world.client.received.starts_with("NE"));
    REQUIRE(world.client.received.find("08P01") != std::string::npos);
    REQUIRE(world.server.received.empty());
  }
}

TEST_CASE("what is no startup packet is closed in silence and opens no upstream connection") {
  for (const std::string& junk :
       {std::string("GET / HTTP/1.1\r\n\r\n"), u32(7) + "abc", u32(10'005)}) {
    SimWorld world(run_seed());
    world.open_session();
    world.client.send(junk);
    world.run();
    REQUIRE(world.session_ended);
    REQUIRE(world.reason == proxy::CloseReason::bad_startup);
    REQUIRE(world.client.received.empty());
    REQUIRE(world.server.received.empty());
  }
}

TEST_CASE(
    "a client that says nothing is closed at the deadline; one that just leaves is no error") {
  SimWorld silent(run_seed());
  silent.open_session();
  silent.run(std::chrono::seconds(9));
  REQUIRE_FALSE(silent.session_ended);
  silent.run(std::chrono::seconds(2));
  REQUIRE(silent.reason == proxy::CloseReason::startup_timeout);

  SimWorld leaves(run_seed());
  leaves.open_session();
  leaves.client.send_end();
  leaves.run();
  REQUIRE(leaves.reason == proxy::CloseReason::no_startup);

  SimWorld half(run_seed());
  half.open_session();
  half.client.send(startup());
  half.run(std::chrono::seconds(59));
  REQUIRE_FALSE(half.session_ended);
  half.run(std::chrono::seconds(5));
  REQUIRE(half.reason == proxy::CloseReason::authentication_timeout);
}

TEST_CASE("authentication messages go upstream whole, however the client cuts them") {
  SimWorld world(run_seed());
  world.chunk_max = 1;
  std::vector<std::size_t> sizes;
  world.server.on_received = [&] { sizes.push_back(world.server.received.size()); };
  world.open_session();
  world.client.send(startup());
  world.run(std::chrono::seconds(1));
  world.server.send(be::authentication_cleartext());
  world.run(std::chrono::seconds(1));
  const auto password = fe::password("secret");
  world.client.send(password);
  world.run(std::chrono::seconds(1));
  REQUIRE(sizes == std::vector<std::size_t>{startup().size(), startup().size() + password.size()});
}

TEST_CASE("an upstream that cannot be reached is told with an SQLSTATE") {
  SimWorld world(run_seed());
  world.upstream_reachable = false;
  world.open_session();
  world.client.send(startup());
  world.run();
  REQUIRE(world.client.received.find("08006") != std::string::npos);
  REQUIRE(world.reason == proxy::CloseReason::upstream_unreachable);
  REQUIRE(world.admitted == 0);
}

TEST_CASE("too many sessions: 53300, but a cancel request gets through") {
  SimWorld world(run_seed());
  world.refuse_admission = true;
  world.open_session();
  world.client.send(startup());
  world.run();
  REQUIRE(world.client.received.find("53300") != std::string::npos);

  SimWorld cancel(run_seed());
  cancel.refuse_admission = true;
  cancel.open_session();
  const auto packet = fe::cancel_request(42, std::string(32, 'k'));
  cancel.client.send(packet);
  cancel.run(std::chrono::seconds(1));
  REQUIRE(cancel.server.received == packet);
  REQUIRE_FALSE(cancel.session_ended);  // the client's end waits for the server's
  cancel.server.send_end();
  cancel.run();
  REQUIRE(cancel.reason == proxy::CloseReason::cancel_request);
  REQUIRE(cancel.client.received.empty());
}

TEST_CASE("drain: an idle session gets 57P01, a busy one finishes first") {
  SimWorld world(run_seed());
  const ScriptedServer server(world, {});
  auto& session = world.open_session();
  world.client.send(startup());
  world.run(std::chrono::seconds(1));
  world.client.send(query("select slow"));
  world.run(std::chrono::seconds(1));
  session.drain();
  world.run(std::chrono::seconds(1));
  REQUIRE_FALSE(world.session_ended);
  world.server.send(answer(2, 3));
  world.run();
  REQUIRE(world.session_ended);
  REQUIRE(world.reason == proxy::CloseReason::drained);
  REQUIRE(world.client.received.starts_with(kLoginAnswer + answer(2, 3) + "E"));
  REQUIRE(world.client.received.find("57P01") != std::string::npos);
  REQUIRE(world.server.received == startup() + query("select slow") + terminate());
}

TEST_CASE("traffic that cannot be understood is forwarded all the same") {
  SimWorld world(run_seed());
  const ScriptedServer server(world, {});
  bool lost = false;
  struct Tap final : protocol::ConversationListener {
    explicit Tap(bool& flag) : lost(flag) {}
    protocol::StatementRef on_query(std::string_view, bool) override { return nullptr; }
    protocol::StatementRef on_parse(const protocol::ParseView&, bool) override { return nullptr; }
    protocol::BindingRef on_bind(const protocol::StatementRef&, const protocol::BindView&,
                                 bool) override {
      return nullptr;
    }
    void on_command(const protocol::Command&) override {}
    void on_parameter_status(std::string_view, std::string_view) override {}
    void on_ready(char) override {}
    void on_error(std::string_view, bool) override {}
    void on_lost(std::string_view) override { lost = true; }
    bool& lost;
  };
  world.make_tap = [&] { return std::make_unique<Tap>(lost); };
  world.open_session();
  world.client.send(startup());
  world.run(std::chrono::seconds(1));
  const std::string junk("\1\2\3\4\5\6\7 not a message", 22);
  world.server.send(junk);
  world.run(std::chrono::seconds(1));
  REQUIRE(lost);
  REQUIRE(world.client.received == kLoginAnswer + junk);
  world.client.send("anything");
  world.client.send_end();
  world.run(std::chrono::seconds(1));
  REQUIRE(world.server.received == startup() + "anything");
  world.server.send_end();
  world.run();
  REQUIRE(world.session_ended);
}

}  // namespace parallax::test
