// Strict mode in memory: a client that goes while its answer is held, and while the connection is
// not its own.

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "scripted_server.h"
#include "shadow/strict/strict.h"
#include "sim_world.h"

namespace parallax::test {
namespace {

// Holds what comes in the extended protocol.
struct HoldingTap final : DeafTap, shadow::StrictSession {
  bool may_hold() const override { return true; }
  bool holds(const protocol::CommandNotes& command) const override {
    return command.binding != nullptr;
  }
  Held complete(const protocol::CommandNotes&, std::string_view, const shadow::StrictTicket& of,
                double) override {
    ticket = of;
    return {.answers = 1, .refusal = {}};
  }
  std::optional<shadow::StrictTicket> ticket;  // of what is held and whole
};

const std::string kBegun = be::command_complete("BEGIN") + ready('T');
const std::string kSelected = be::command_complete("SELECT 0") + ready('T');
const std::string kCommitted = be::command_complete("COMMIT") + ready('I');
const std::string kHeld =
    fe::parse("", "select") + fe::bind("", "", {}) + fe::describe_portal("") + fe::execute();
const std::string kBehind = fe::sync() + query("COMMIT") + terminate();

std::string held_answer(std::size_t rows = 1) {
  std::string all = be::parse_complete() + be::bind_complete() + be::row_description({{"x"}});
  for (std::size_t i = 0; i < rows; ++i) all += be::data_row({std::string(100, 'x')});
  return all + be::command_complete("SELECT " + std::to_string(rows));
}

struct HeldSession {
  HeldSession() {
    world.make_tap = [this] {
      auto made = std::make_unique<HoldingTap>();
      tap = made.get();
      return made;
    };
    world.whole_chunks = true;
    world.chunk_max = std::size_t{1024} * 1024;
    session = &world.open_session();
    world.client.send(startup());
    pass();
    world.client.send(query("BEGIN"));
    pass();
    REQUIRE(world.client.received == kLoginAnswer + kBegun);
    world.client.received.clear();
  }
  void pass() { world.run(std::chrono::milliseconds(50)); }

  // Statement, COMMIT and goodbye at once.
  void ask() {
    world.client.send(kHeld + kBehind);
    pass();
    forget();
  }
  // The same behind so much that the server's end of it is full for a while: afterwards the client
  // is read again, and its end is seen although its answer is held.
  void ask_behind_much() {
    world.server.window = 0;
    world.client.send(query("SELECT " + std::string(2 * io::kHighWaterBytes, 'x')) + kHeld +
                      kBehind);
    pass();
    world.server.open_window(SIZE_MAX);
    pass();
    forget();
    world.client.received.clear();
  }
  // What the server has received so far.
  void forget() {
    world.server.received.clear();
    server.seen_ = 0;
  }
  void answer(const std::string& bytes) {
    world.server.send(bytes);
    pass();
  }
  void begin_round(bool last) {
    REQUIRE(tap->ticket);
    shadow::ClientRound round;
    round.ticket = *tap->ticket;
    round.last = last;
    round.done = [this](const shadow::ClientRoundEnd& end) {
      ++ends;
      skipped = std::holds_alternative<shadow::ClientRoundSkip>(end);
    };
    session->strict_run(std::move(round));
    pass();
    REQUIRE(world.server.received.find("SAVEPOINT") != std::string::npos);
    forget();
  }
  // The server's words to so many statements of a round.
  void end_round(int statements) {
    std::string all;
    for (int i = 0; i < statements; ++i)
      all += be::parse_complete() + be::bind_complete() + be::command_complete("SAVEPOINT") +
             be::close_complete() + be::close_complete();
    answer(all + ready('T'));
  }
  // The end of it all: what was behind the statement has arrived, and nothing else.
  void check_behind() {
    CHECK(world.server.received == kBehind);
    CHECK(world.server.saw_end);
    world.run();
    CHECK(world.session_ended);
    CHECK(world.sessions_gauge() == 0);
  }

  SimWorld world{run_seed()};
  ScriptedServer server{world, {kBegun}};
  HoldingTap* tap = nullptr;
  proxy::Session* session = nullptr;
  int ends = 0;
  bool skipped = false;
};

}  // namespace

TEST_CASE("a client that goes while steps run on its connection still has sent what it sent") {
  for (const bool resets : {false, true}) {
    HeldSession held;
    resets ? held.ask() : held.ask_behind_much();
    held.answer((resets ? "" : kSelected) + held_answer());
    held.begin_round(true);
    resets ? held.world.client.reset() : held.world.client.send_end();
    held.pass();
    REQUIRE_FALSE(held.world.session_ended);
    CHECK(held.world.server.received.empty());
    held.end_round(4);
    CHECK((held.ends == 1 && !held.skipped));
    if (!resets) CHECK(held.world.client.received == kSelected + held_answer());
    held.check_behind();
  }
}

TEST_CASE("a client that goes between two rounds leaves no savepoint open") {
  HeldSession held;
  held.ask();
  held.answer(held_answer());
  held.begin_round(false);
  held.end_round(2);
  CHECK(held.ends == 1);
  held.world.client.reset();
  held.pass();
  REQUIRE_FALSE(held.world.session_ended);
  CHECK(held.world.server.received.find("ROLLBACK TO SAVEPOINT") != std::string::npos);
  held.forget();
  held.end_round(2);
  held.check_behind();
}

TEST_CASE("a client that goes while an error is raised for it") {
  HeldSession held;
  held.ask();
  held.answer(held_answer());
  REQUIRE(held.tap->ticket);
  held.session->strict_answer({*held.tap->ticket, 1, shadow::StrictRefusal{"PLX01", "no"}});
  held.pass();
  CHECK(held.world.server.received.find("RAISE EXCEPTION") != std::string::npos);
  held.forget();
  held.world.client.reset();
  held.pass();
  REQUIRE_FALSE(held.world.session_ended);
  held.answer(be::parse_complete() + be::bind_complete() + be::close_complete() +
              be::error("PLX01", "no"));
  held.check_behind();
}

TEST_CASE("a client that goes while an answer comes that is too large to be held") {
  for (const bool resets : {false, true}) {
    HeldSession held;
    held.world.strict_value.held_bytes_max = 1000;
    resets ? held.ask() : held.ask_behind_much();
    const auto all = held_answer(50);
    held.answer((resets ? "" : kSelected) + all.substr(0, all.size() / 2));
    resets ? held.world.client.reset() : held.world.client.send_end();
    held.pass();
    // What is left of the answer could pass for all of it.
    held.answer(all.substr(all.size() / 2));
    held.answer(ready('T') + kCommitted);
    if (!resets) {
      const auto told =
          kSelected + be::parse_complete() + be::bind_complete() + be::row_description({{"x"}});
      CHECK(told.starts_with(held.world.client.received));
    }
    held.check_behind();
  }
}

TEST_CASE("what the server tells beside a round is kept for the client, and no more than may be") {
  HeldSession held;
  held.world.strict_value.held_bytes_max = 1000;
  held.ask();
  held.answer(held_answer());
  held.world.client.received.clear();
  held.begin_round(true);
  const auto status = be::parameter_status("TimeZone", std::string(100, 'z'));
  for (int i = 0; i < 10; ++i) held.answer(be::notice(std::string(1000, 'n')) + status);
  REQUIRE_FALSE(held.world.session_ended);
  CHECK(held.world.client.received.empty());
  for (int i = 0; i < 10; ++i) held.answer(status);
  CHECK(held.world.session_ended);
  CHECK(held.world.reason == proxy::CloseReason::strict_failed);
  CHECK(held.world.client.received.empty());
  CHECK((held.ends == 1 && held.skipped));
}

TEST_CASE("an answer that is too large goes on in all that is no part of it") {
  HeldSession held;
  held.world.strict_value.held_bytes_max = 1000;
  held.ask();
  held.world.client.received.clear();
  const auto notice = be::notice(std::string(300, 'n'));
  const auto begun = be::parse_complete() + be::bind_complete() + be::row_description({{"x"}});
  const auto row = be::data_row({std::string(100, 'x')});
  held.answer(begun + row + notice + notice);
  CHECK(held.world.client.received == begun);
  held.answer(row + notice.substr(0, 350 - 50));  // over the limit in the middle of a message
  held.answer(notice.substr(350 - 50) + row + notice + be::command_complete("SELECT 3"));
  CHECK(held.world.client.received == begun + notice + notice + notice + notice);
  REQUIRE(held.tap->ticket);
  held.session->strict_answer({*held.tap->ticket, 1, std::nullopt});
  held.pass();
  CHECK(held.world.server.received.find("too large to be held") != std::string::npos);
}

}  // namespace parallax::test
