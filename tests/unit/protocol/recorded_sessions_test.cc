// Every recorded session, whole and with every possible split, makes the same events.

#include <catch2/catch.hpp>

#include "tests/support/recorded_failures.h"

namespace parallax::test {
namespace {

std::vector<std::string> events_of(const RecordedSession& recorded) {
  std::vector<std::string> events{"parameter server_version=15.4", "ready I"};
  events.insert(events.end(), recorded.events.begin(), recorded.events.end());
  return events;
}

TEST_CASE("recorded sessions make their events", "[conversation]") {
  for (const RecordedSession& recorded : recorded_sessions()) {
    INFO(recorded.name);
    Player player;
    for (const Step& step : with_start(recorded)) player.feed(step);
    CHECK(player.recorder.events == events_of(recorded));
    CHECK(player.conversation.idle() == recorded.idle);
    CHECK(player.conversation.lost() == recorded.lost);
  }
}

TEST_CASE("recorded sessions make the same events however they are split", "[conversation]") {
  for (const RecordedSession& recorded : recorded_sessions()) {
    INFO(recorded.name);
    const Session session = with_start(recorded);
    const auto expected = events_of(recorded);
    for (const std::size_t piece : {1u, 2u, 3u, 5u, 7u}) {
      INFO("pieces of " << piece);
      CHECK(play_in_pieces(session, piece) == expected);
    }
    for (std::size_t step = 0; step < session.size(); ++step) {
      for (std::size_t position = 1; position < session[step].data.size(); ++position) {
        INFO("step " << step << " split at " << position);
        REQUIRE(play_split(session, step, position) == expected);
      }
    }
  }
}

// Two sessions one after the other are as good as each alone, where the first ends at idle.
TEST_CASE("recorded sessions leave nothing behind that disturbs the next", "[conversation]") {
  for (const RecordedSession& recorded : recorded_sessions()) {
    if (!recorded.idle) continue;
    INFO(recorded.name);
    Player player;
    for (const Step& step : with_start(recorded)) player.feed(step);
    player.recorder.events.clear();
    player.feed(client(fe::query("after") + pbe("after too") + fe::sync()));
    player.feed(
        server(be::command_complete("OK") + be::ready('I') + pbe_done("OK") + be::ready('I')));
    const auto& events = player.recorder.events;
    REQUIRE(events.size() == 7);
    CHECK(events[3].starts_with("completed simple first {after} [OK] I"));
    CHECK(events[5].starts_with("completed extended first {after too}() [OK] I"));
    CHECK(player.conversation.idle());
  }
}

}  // namespace
}  // namespace parallax::test
