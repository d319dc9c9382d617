// What the recorded sessions do not show: start of a session, limits, state that can be asked for.

#include "protocol/conversation.h"

#include <catch2/catch.hpp>

#include "protocol/statement_names.h"
#include "tests/support/recorded_sessions.h"

namespace parallax::test {
namespace {

using Events = std::vector<std::string>;

// A session that has started, without the events of that.
class Started : public Player {
 public:
  explicit Started(const protocol::ConversationLimits& limits = {}) : Player(limits) {
    feed(server(be::session_start()));
    recorder.events.clear();
  }
};

TEST_CASE("a session starts after any authentication", "[conversation]") {
  Player p;
  CHECK(p.conversation.transaction_status() == 0);
  p.feed(server(be::notice("hello") + be::negotiate_protocol_version(0x30000, {"_pq_.x"}) +
                be::authentication_sasl({"SCRAM-SHA-256"})));
  p.feed(client(fe::password("SCRAM-SHA-256")));
  p.feed(server(be::authentication_sasl_continue("r=")));
  p.feed(client(fe::password("c=")));
  p.feed(server(be::authentication_sasl_final("v=")));
  CHECK_FALSE(p.conversation.authenticated());
  p.feed(server(be::authentication_ok()));
  CHECK(p.conversation.authenticated());
  CHECK_FALSE(p.conversation.idle());
  p.feed(server(be::parameter_status("a", "b") + be::notice("n") +
                be::backend_key_data(1, std::string(256, 'k'))));
  p.feed(server(be::ready('I')));
  CHECK(p.conversation.idle());
  CHECK(p.conversation.transaction_status() == 'I');
  CHECK(p.recorder.events == Events{"parameter a=b", "ready I"});
}

TEST_CASE("requests may be sent before the session has started", "[conversation]") {
  Player p;
  p.feed(client(fe::password("secret") + fe::query("select 1")));
  p.feed(server(be::authentication_cleartext() + be::session_start() + columns() + row("1") +
                be::command_complete("SELECT 1") + be::ready('I')));
  CHECK(p.recorder.events == Events{"query {select 1}", "parameter server_version=15.4", "ready I",
                                    "completed simple first {select 1} [SELECT 1] I 1-2",
                                    "ready I"});
  CHECK(p.conversation.idle());
}

TEST_CASE("a refused session is no lost session", "[conversation]") {
  Player p;
  p.feed(client(fe::query("early")));
  p.feed(server(be::authentication_cleartext() + be::error("28P01", "wrong", "FATAL")));
  CHECK(p.recorder.events == Events{"query {early}"});
  CHECK(p.recorder.errors == Events{"28P01 before authentication"});
  CHECK_FALSE(p.conversation.lost());
  CHECK_FALSE(p.conversation.idle());
}

TEST_CASE("errors are told with and without a request", "[conversation]") {
  Player p;
  p.feed(server(be::session_start() + be::error("57P01")));
  p.feed(client(fe::query("x") + pbe("y")));
  p.feed(server(be::error("42601") + be::ready('I') + be::error("42P01") + be::error("57P02")));
  CHECK(p.recorder.errors == Events{"57P01", "42601", "42P01", "57P02"});
  CHECK(p.recorder.events.back() == "failed extended first {y}() [42P01] I 2-3");
}

TEST_CASE("what is not protocol 3 before authentication loses the conversation", "[conversation]") {
  struct Case {
    std::string data;
    std::string why;
  };
  const std::vector<Case> cases{
      {"EFATAL:  unsupported frontend protocol 4.0: server supports 2.0 to 3.0\n",
       "answer to the startup packet is not of protocol 3"},
      {"HTTP/1.1 204 OK\r\n", "answer to the startup packet is not of protocol 3"},
      {message('R', "abc"), "Authentication without a code"},
      {be::ready('I'), "unexpected ReadyForQuery"},
      {columns(), "unexpected RowDescription"},
      {std::string("R\0\0\0\0", 5), "bytes of the server are not messages"},
  };
  for (const Case& c : cases) {
    CHECK(play({server(c.data)}) == Events{"lost: " + c.why});
    CHECK(play_in_pieces({server(c.data)}, 1) == Events{"lost: " + c.why});
  }
}

TEST_CASE("after it is lost nothing is told any more", "[conversation]") {
  Started p;
  p.feed(client(pbe("q")));
  p.feed(server(be::ready('I') + be::parameter_status("a", "b") + be::bind_complete() +
                be::error("1")));
  p.feed(client(fe::query("x") + "\x01"));
  p.feed(server(be::parameter_status("a", "b") + std::string(9, '\0')));
  CHECK(p.recorder.events == Events{"parse {q}", "bind {q}()", "lost: unexpected ReadyForQuery"});
  CHECK(p.recorder.errors.empty());
  CHECK(p.conversation.lost());
  CHECK_FALSE(p.conversation.idle());
  CHECK_FALSE(p.conversation.server_at_boundary());
}

TEST_CASE("notes are let go as early as can be", "[conversation]") {
  struct Holder : ConversationRecorder {
    protocol::StatementRef on_parse(const protocol::ParseView& parse, bool whole) override {
      auto note = ConversationRecorder::on_parse(parse, whole);
      notes.push_back(note);
      return note;
    }
    std::vector<std::weak_ptr<protocol::StatementNote>> notes;
  } listener;
  protocol::Conversation conversation(listener);
  const auto feed = [&conversation](const std::string& from_client,
                                    const std::string& from_server) {
    conversation.client_bytes(bytes(from_client), 1);
    conversation.server_bytes(bytes(from_server), 1);
  };
  feed("", be::session_start());
  feed(pbe("unnamed") + fe::sync(), pbe_done("A") + be::ready('I'));
  CHECK_FALSE(listener.notes[0].expired());
  feed(pbe("next") + fe::sync(), pbe_done("A") + be::ready('I'));
  CHECK(listener.notes[0].expired());
  feed(fe::query("x"), be::command_complete("X") + be::ready('I'));
  CHECK(listener.notes[1].expired());
  feed(fe::parse("s", "named") + fe::sync(), be::parse_complete() + be::ready('I'));
  feed(fe::close_statement("s"), "");
  CHECK_FALSE(listener.notes[2].expired());
  feed("", be::close_complete());
  CHECK(listener.notes[2].expired());
  feed(fe::sync() + fe::parse("s", "bad") + fe::sync(), be::ready('I') + be::error("42601"));
  CHECK(listener.notes[3].expired());
  feed(fe::parse("t", "lost"), be::bind_complete());
  CHECK(conversation.lost());
  CHECK(listener.notes[4].expired());
}

TEST_CASE("idle and boundaries", "[conversation]") {
  Started p;
  auto& c = p.conversation;
  CHECK(c.idle());
  const std::string sync = fe::sync();
  p.feed(client(sync.substr(0, 1)));
  CHECK_FALSE(c.idle());
  p.feed(client(sync.substr(1)));
  CHECK_FALSE(c.idle());
  CHECK(c.server_at_boundary());
  const std::string ready = be::ready('T');
  p.feed(server(ready.substr(0, 5)));
  CHECK_FALSE(c.server_at_boundary());
  p.feed(server(ready.substr(5)));
  CHECK(c.server_at_boundary());
  CHECK(c.transaction_status() == 'T');
  CHECK_FALSE(c.idle());
  p.feed(client(fe::query("commit")));
  p.feed(server(be::command_complete("COMMIT") + be::ready('I')));
  CHECK(c.idle());
  p.feed(server(be::notice("n").substr(0, 3)));
  CHECK_FALSE(c.idle());
}

TEST_CASE("not idle while the server waits for a Sync", "[conversation]") {
  Started p;
  p.feed(client(fe::parse("", "bad")));
  p.feed(server(be::error("42601")));
  CHECK_FALSE(p.conversation.idle());
  p.feed(client(fe::sync()));
  CHECK_FALSE(p.conversation.idle());
  p.feed(server(be::ready('I')));
  CHECK(p.conversation.idle());
}

TEST_CASE("ten thousand notices and rows of one query", "[conversation]") {
  Started p;
  p.feed(client(fe::query("do")));
  for (int i = 0; i < 10'000; ++i)
    p.feed(server(be::notice("notice " + std::to_string(i)) + row("1")));
  p.feed(server(be::command_complete("SELECT 10000") + be::ready('I')));
  CHECK(p.recorder.events ==
        Events{"query {do}", "completed simple first {do} [SELECT 10000] I 2-10003", "ready I"});
}

TEST_CASE("texts longer than the limit are cut", "[conversation]") {
  protocol::ConversationLimits limits;
  limits.sql_bytes = 8;
  const std::string a8(8, 'a');
  const Session session{client(
      fe::query(a8) + fe::query(a8 + "b") + fe::parse("", a8, {1}) + fe::parse("s", a8 + "b", {1}) +
      fe::parse("t", a8 + std::string(1'000'000, 'b')) + fe::bind("", "t") + fe::execute())};
  const Events expected{"query {aaaaaaaa}",      "query {aaaaaaaa} cut",  "parse {aaaaaaaa}",
                        "parse s{aaaaaaaa} cut", "parse t{aaaaaaaa} cut", "bind {aaaaaaaa}()"};
  CHECK(play(session, limits) == expected);
  CHECK(play_in_pieces(session, 1000, limits) == expected);
}

TEST_CASE("of a Bind longer than the limit only the names are kept", "[conversation]") {
  protocol::ConversationLimits limits;
  limits.bind_bytes = 200;
  const Session session{client(fe::parse("s", "q") + fe::bind("p", "s", {std::string(180, 'x')}) +
                               fe::bind("p2", "s", {std::string(200, 'x')}) +
                               fe::bind("p3", "s", {std::string(2'000'000, 'x')}))};
  const Events expected{"parse s{q}", "bind p{q}(" + std::string(180, 'x') + ")",
                        "bind p2{q}() cut", "bind p3{q}() cut"};
  CHECK(play(session, limits) == expected);
  CHECK(play_in_pieces(session, 100, limits) == expected);
}

TEST_CASE("too many requests without an answer lose the conversation", "[conversation]") {
  protocol::ConversationLimits limits;
  limits.pending_requests = 3;
  Started p(limits);
  p.feed(client(fe::sync() + fe::sync() + fe::sync()));
  CHECK_FALSE(p.conversation.lost());
  p.feed(server(be::ready('I')));
  p.feed(client(fe::sync()));
  CHECK_FALSE(p.conversation.lost());
  p.feed(client(fe::query("x")));
  CHECK(p.recorder.events == Events{"ready I", "lost: too many requests without an answer"});
}

TEST_CASE("names beyond the limit are not remembered", "[conversation]") {
  protocol::ConversationLimits limits;
  limits.named_statements = 2;
  limits.named_portals = 1;
  Started p(limits);
  p.feed(client(fe::parse("a", "A") + fe::parse("b", "B") + fe::parse("c", "C") + fe::sync()));
  p.feed(
      server(be::parse_complete() + be::parse_complete() + be::parse_complete() + be::ready('I')));
  p.feed(client(fe::bind("x", "a") + fe::bind("y", "b") + fe::execute("x") + fe::execute("y") +
                fe::bind("", "c") + fe::execute() + fe::sync()));
  p.feed(server(be::bind_complete() + be::bind_complete() + be::command_complete("A") +
                be::command_complete("B") + be::bind_complete() + be::command_complete("C") +
                be::ready('I')));
  CHECK(p.recorder.events ==
        Events{"parse a{A}", "parse b{B}", "parse c{C}", "ready I", "bind x{A}()", "bind y{B}()",
               "completed extended first {A}() [A] I 4-5", "completed extended first ? [B] I 4-5",
               "completed extended first ? [C] I 4-5", "ready I"});
  // Room is made by Close.
  p.recorder.events.clear();
  p.feed(client(fe::close_statement("a") + fe::sync()));
  p.feed(server(be::close_complete() + be::ready('I')));
  p.feed(client(fe::parse("d", "D") + fe::bind("", "d") + fe::execute() + fe::sync()));
  p.feed(server(pbe_done("D") + be::ready('I')));
  CHECK(p.recorder.events == Events{"ready I", "parse d{D}", "bind {D}()",
                                    "completed extended first {D}() [D] I 8-9", "ready I"});
}

TEST_CASE("names that the server would cut are not remembered", "[conversation]") {
  const std::string longest(protocol::kNameBytesMax, 'n');
  for (const bool too_long : {false, true}) {
    const std::string name = longest + (too_long ? "n" : "");
    Started p;
    p.feed(client(fe::parse(name, "q") + fe::bind(name, name) + fe::execute(name) +
                  fe::close_statement(name) + fe::sync()));
    p.feed(server(pbe_done("Q") + be::close_complete() + be::ready('I')));
    CHECK(p.recorder.events.at(too_long ? 1 : 2) ==
          std::string("completed extended first ") + (too_long ? "?" : "{q}()") + " [Q] I 2-3");
    CHECK(p.conversation.idle());
  }
  Started p;
  const std::string huge(100'000, 'n');
  p.feed(client(fe::parse(huge, "q") + fe::bind(huge, huge) + fe::describe_portal(huge) +
                fe::execute(huge) + fe::close_portal(huge) + fe::sync()));
  p.feed(server(be::parse_complete() + be::bind_complete() + be::no_data() +
                be::command_complete("Q") + be::close_complete() + be::ready('I')));
  CHECK(p.recorder.events.at(1) == "completed extended first ? [Q] I 2-3");
  CHECK(p.conversation.idle());
}

TEST_CASE("a pipeline of many thousands of requests", "[conversation]") {
  Started p;
  constexpr int kCount = 20'000;
  std::string requests = fe::parse("s", "q");
  std::string answers = be::parse_complete();
  for (int i = 0; i < kCount; ++i) {
    requests += fe::bind("", "s", {std::to_string(i)}) + fe::execute();
    answers += be::bind_complete() + be::command_complete("Q");
  }
  p.feed(client(requests + fe::sync()));
  p.feed(server(answers + be::ready('I')));
  REQUIRE(p.recorder.events.size() == 2 * kCount + 2);
  CHECK(p.recorder.events[kCount + 1] == "completed extended first {q}(0) [Q] I 2-3");
  CHECK(p.recorder.events[2 * kCount] == "completed extended first {q}(19999) [Q] I 2-3");
  CHECK(p.conversation.idle());
}

}  // namespace
}  // namespace parallax::test
