// Whole sessions in memory: bytes and order, back-pressure, resets, ends.

#include <catch2/catch.hpp>
#include <string>

#include "scripted_server.h"
#include "sim_world.h"

namespace parallax::test {
namespace {

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

TEST_CASE("a client that takes none of the last words keeps no server, and is not waited for") {
  SimWorld world(run_seed());
  const ScriptedServer server(world, {answer(50, 200)});
  world.open_session();
  world.client.send(startup());
  world.run(std::chrono::seconds(5));
  world.client.window = 0;
  world.client.send(query("select some"));
  world.run(std::chrono::seconds(5));
  REQUIRE(world.admitted == 1);
  world.server.send_end();
  world.run(std::chrono::seconds(5));
  REQUIRE(world.server.saw_close);
  REQUIRE(world.admitted == 0);
  REQUIRE_FALSE(world.session_ended);
  SECTION("nothing at all") {
    world.run(std::chrono::seconds(50));
    REQUIRE_FALSE(world.session_ended);
    world.run(std::chrono::seconds(10));
    REQUIRE(world.session_ended);
    REQUIRE(world.client.saw_close);
    REQUIRE(world.client.received == kLoginAnswer);
  }
  SECTION("little by little") {
    for (int i = 0; i < 10; ++i) {
      world.run(std::chrono::seconds(50));
      REQUIRE_FALSE(world.session_ended);
      world.client.open_window(100);
    }
    world.client.open_window(SIZE_MAX);
    world.run(std::chrono::seconds(5));
    REQUIRE(world.client.received == kLoginAnswer + answer(50, 200));
    REQUIRE(world.session_ended);
  }
  REQUIRE(world.reason == proxy::CloseReason::server_closed);
  REQUIRE(world.outcome_count(proxy::CloseReason::server_closed) == 1);
  REQUIRE(world.sessions_gauge() == 0);
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

}  // namespace parallax::test
