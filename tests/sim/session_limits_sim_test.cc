// Whole sessions in memory: first packets, limits, cancel, drain.

#include <catch2/catch.hpp>
#include <string>

#include "scripted_server.h"
#include "sim_world.h"

namespace parallax::test {

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
