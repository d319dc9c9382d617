// Whole sessions in memory with TLS on either leg or both, under seeded chunks, delays and resets.

#include <catch2/catch.hpp>
#include <string>

#include "scripted_server.h"
#include "secured_peer.h"
#include "sim_world.h"

namespace parallax::test {
namespace {

using Context = std::shared_ptr<const io::TlsContext>;

const CertificateFiles& files() {
  static const CertificateFiles made("DNS:db.example,DNS:localhost");
  return made;
}

Context listener_context() {
  static const Context made = std::get<Context>(io::TlsContext::server(
      {.certificate_file = files().certificate(), .key_file = files().key_file()}));
  return made;
}

Context upstream_context() {
  static const Context made = std::get<Context>(
      io::TlsContext::client({.host = "db.example", .authority_file = files().certificate()}));
  return made;
}

void offer_tls(SimWorld& world, proxy::TlsMode mode = proxy::TlsMode::allow) {
  world.origin.tls = listener_context();
  world.listener_value.tls.mode = mode;
}

// Both legs in TLS.
struct SecuredWorld {
  explicit SecuredWorld(std::uint64_t seed, std::vector<std::string> answers)
      : world(seed),
        client(world.client, TlsPeer::Role::client, nullptr),
        server(world.server, TlsPeer::Role::server, &files()),
        script(server, std::move(answers)) {
    offer_tls(world);
    world.upstream_tls = upstream_context();
  }
  SimWorld world;
  SecuredPeer client;
  SecuredPeer server;
  BasicScriptedServer<SecuredPeer> script;
};

}  // namespace

TEST_CASE("TLS on both legs: every byte arrives, in order, whatever the chunks") {
  const auto base = run_seed();
  const auto expected = kLoginAnswer + answer(3, 10) + answer(200, 500);
  const auto sent = startup() + query("select 1") + query("select 2") + terminate();
  for (std::uint64_t i = 0; i < 30; ++i) {
    INFO("PARALLAX_SEED=" << base << " round " << i);
    SecuredWorld secured(base + i, {answer(3, 10), answer(200, 500)});
    secured.world.chunk_max = 1 + i * 7 % 300;
    secured.world.open_session();
    secured.client.begin();
    secured.client.send(sent);
    secured.world.run();
    REQUIRE(secured.world.session_ended);
    REQUIRE(secured.server.received == sent);
    REQUIRE(secured.client.received == expected);
    REQUIRE(secured.client.saw_end);
    REQUIRE(secured.world.reason == proxy::CloseReason::server_closed);
  }
}

TEST_CASE("TLS: a reset on either leg at any moment ends the session once") {
  const auto base = run_seed();
  const auto expected = kLoginAnswer + answer(3, 10) + answer(50, 400);
  for (std::uint64_t i = 0; i < 150; ++i) {
    INFO("PARALLAX_SEED=" << base << " round " << i);
    SecuredWorld secured(base + i, {answer(3, 10), answer(50, 400)});
    auto& world = secured.world;
    world.chunk_max = 1 + i % 97;
    world.open_session();
    secured.client.begin();
    secured.client.send(startup() + query("select 1") + query("select 2"));
    auto& victim = i % 2 == 0 ? world.client : world.server;
    world.at(world.random() % 120'000'000, [&] { victim.reset(); });
    world.at(10'000'000'000, [&] { world.client.send_end(); });
    world.run();
    REQUIRE(world.session_ended);
    REQUIRE(world.sessions_gauge() == 0);
    REQUIRE(world.admitted == 0);
    REQUIRE(world.unauthenticated_told == 1);
    // A server lost during its handshake is told to the client; nothing else is invented.
    const auto& got = secured.client.received;
    REQUIRE((expected.starts_with(got) || got.find("08006") != std::string::npos));
  }
}

TEST_CASE("TLS to the client alone, and to the server alone") {
  const auto sent = startup() + query("select 1") + terminate();
  for (std::uint64_t i = 0; i < 20; ++i) {
    SimWorld world(run_seed() + i);
    offer_tls(world);
    const ScriptedServer server(world, {answer(3, 10)});
    SecuredPeer client(world.client, TlsPeer::Role::client, nullptr);
    world.open_session();
    client.begin();
    client.send(sent);
    world.run();
    REQUIRE(world.server.received == sent);
    REQUIRE(client.received == kLoginAnswer + answer(3, 10));

    SimWorld behind(run_seed() + i);
    behind.upstream_tls = upstream_context();
    SecuredPeer far(behind.server, TlsPeer::Role::server, &files());
    const BasicScriptedServer<SecuredPeer> script(far, {answer(3, 10)});
    behind.open_session();
    behind.client.send(sent);
    behind.run();
    REQUIRE(far.received == sent);
    REQUIRE(behind.client.received == kLoginAnswer + answer(3, 10));
  }
}

TEST_CASE("a slow reader behind TLS pauses the server, and gets everything") {
  SecuredWorld secured(run_seed(), {answer(20'000, 1000)});
  auto& world = secured.world;
  world.chunk_max = 65'536;
  world.open_session();
  secured.client.begin();
  secured.client.send(startup());
  world.run(std::chrono::seconds(5));
  world.client.window = 0;
  secured.client.send(query("select much"));
  world.run(std::chrono::seconds(60));
  REQUIRE(world.client_stream->queued_max <= io::kHighWaterBytes + 2 * std::size_t{65'536});
  REQUIRE(world.client_stream->queued_max > io::kHighWaterBytes);
  world.client.open_window(SIZE_MAX);
  secured.client.send(terminate());
  world.run();
  REQUIRE(secured.client.received == kLoginAnswer + answer(20'000, 1000));
}

TEST_CASE("bytes stuffed behind SSLRequest are refused inside TLS, as the server does") {
  SimWorld world(run_seed());
  world.chunk_max = 1'000'000;
  world.whole_chunks = true;
  offer_tls(world);
  SecuredPeer client(world.client, TlsPeer::Role::client, nullptr);
  world.open_session();
  world.client.send(fe::ssl_request() + startup());
  world.run();
  REQUIRE(client.answer == "S");
  REQUIRE(client.received.find("received unencrypted data after SSL request") != std::string::npos);
  REQUIRE(world.server.received.empty());
  REQUIRE(world.reason == proxy::CloseReason::stuffed);
}

TEST_CASE("a listener that requires TLS refuses plain sessions in words, and takes plain cancels") {
  SimWorld world(run_seed());
  offer_tls(world, proxy::TlsMode::require);
  world.origin.client_address = "192.0.2.77";
  world.open_session();
  world.client.send(startup());
  world.run();
  REQUIRE(world.client.received.find("sslmode=require") != std::string::npos);
  REQUIRE(world.client.received.find("28000") != std::string::npos);
  REQUIRE(world.reason == proxy::CloseReason::tls_required);
  REQUIRE(world.server.received.empty());

  // libpq before 17 sends its cancels plain.
  SimWorld cancels(run_seed());
  offer_tls(cancels, proxy::TlsMode::require);
  cancels.cancel_routes.remember(u32(42) + u32(4711), "192.0.2.9");
  cancels.open_session();
  cancels.client.send(fe::cancel_request(42, u32(4711)));
  cancels.at(1'000'000'000, [&] { cancels.server.send_end(); });
  cancels.run();
  REQUIRE(cancels.server.received == fe::cancel_request(42, u32(4711)));
  REQUIRE(cancels.upstream_addresses_asked == std::vector<std::string>{"192.0.2.9"});
  REQUIRE(cancels.reason == proxy::CloseReason::cancel_request);
}

TEST_CASE("what a server may not answer to SSLRequest ends the login and is not shown") {
  struct Case {
    std::string said;
    std::string told;
  };
  for (const auto& one :
       {Case{"N", "does not do TLS"}, Case{"Sjunk", "unencrypted data behind its answer"},
        Case{be::error("XX000", "evil words"), "answered SSLRequest with an error"},
        Case{"HTTP", "is not PostgreSQL's"}, Case{"S" + std::string(), ""}}) {
    CAPTURE(one.said);
    SimWorld world(run_seed());
    world.chunk_max = 1'000;
    world.whole_chunks = true;
    world.upstream_tls = upstream_context();
    world.open_session();
    world.client.send(startup());
    bool answered = false;
    world.server.on_received = [&] {
      if (std::exchange(answered, true)) return;
      world.server.send(one.said);
      if (one.told.empty())
        world.at(1'000'000, [&] { world.server.send("this is no TLS either"); });
    };
    world.run();
    REQUIRE(world.session_ended);
    REQUIRE(world.reason == proxy::CloseReason::upstream_unreachable);
    REQUIRE(world.client.received.find("08006") != std::string::npos);
    REQUIRE(world.client.received.find(one.told) != std::string::npos);
    REQUIRE(world.client.received.find("evil") == std::string::npos);
    REQUIRE(world.server.received.find("user") == std::string::npos);  // no startup packet went out
  }
}

TEST_CASE("the address of a session is known to its cancels until it ends") {
  SimWorld world(run_seed());
  const ScriptedServer server(world, {});
  world.open_session();
  world.client.send(startup());
  world.run(std::chrono::seconds(5));
  const auto key = u32(42) + u32(4711);
  REQUIRE(world.cancel_routes.find(key) == "192.0.2.1");
  world.client.send(terminate());
  world.run();
  REQUIRE(world.session_ended);
  REQUIRE(world.cancel_routes.find(key).empty());
}

TEST_CASE("a client that failed too often is told to wait, and reaches no server") {
  SimWorld world(run_seed());
  world.throttled_for = std::chrono::seconds(42);
  world.open_session();
  world.client.send(startup());
  world.run();
  REQUIRE(world.client.received.find("42 s") != std::string::npos);
  REQUIRE(world.upstream_addresses_asked.empty());
  REQUIRE(world.reason == proxy::CloseReason::auth_throttled);
}

TEST_CASE("how logins end is counted once, for the user of the startup packet") {
  SimWorld fine(run_seed());
  const ScriptedServer server(fine, {});
  fine.open_session();
  fine.client.send(startup() + terminate());
  fine.run();
  REQUIRE(fine.logins == std::vector<std::pair<std::string, bool>>{{"app", true}});

  SimWorld wrong(run_seed());
  wrong.server.on_received = [&] {
    wrong.server.send(be::error("28P01", "password authentication failed"));
    wrong.server.send_end();
    wrong.server.on_received = nullptr;
  };
  wrong.open_session();
  wrong.client.send(startup());
  wrong.run();
  REQUIRE(wrong.logins == std::vector<std::pair<std::string, bool>>{{"app", false}});
}

}  // namespace parallax::test
