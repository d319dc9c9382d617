#include <malloc.h>

#include <catch2/catch.hpp>
#include <string>

#include "shadow/rules/concat.h"
#include "tests/unit/shadow/tap_fixture.h"

// What one client can make a session hold. Measured at the allocator, so the tests say nothing
// where a sanitizer has its own.

namespace parallax::shadow {

using namespace tests;

namespace {

constexpr std::size_t kMib = std::size_t{1024} * 1024;
// What a session may hold, what the worker's cache may, and as much again for what an allocator
// does with pieces.
constexpr std::size_t kMost = 64 * kMib;

std::size_t allocated() {
  const auto heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

// The most that is held on the way, looked at after each step.
class Held {
 public:
  void look() { most_ = std::max(most_, allocated()); }
  std::size_t most() const { return most_ > began_ ? most_ - began_ : 0; }

 private:
  std::size_t began_ = allocated();
  std::size_t most_ = 0;
};

const std::string kSetsClaims = "select set_config($1, $2, true)";

std::string number(std::size_t i) { return std::to_string(i); }

// A text of its own for each `i`.
std::string long_text(std::size_t i, std::size_t bytes) {
  return concat({"select '", number(i), std::string(bytes, 'x'), "'"});
}

}  // namespace

TEST_CASE("what is bound while the server passes over it is not kept") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("s", kSetsClaims) + test::fe::sync());
  fixture.server(test::be::parse_complete() + ready('I'));
  fixture.client(test::fe::bind("", "nothing"));
  fixture.server(error("26000"));
  Held held;
  for (std::size_t i = 0; i < 160; ++i) {
    fixture.client(bind("s", {"app.claims", std::string(kMib - 100, 'x')}));
    held.look();
  }
  REQUIRE(held.most() < kMost);
  fixture.client(test::fe::sync());
  fixture.server(ready('I'));
  REQUIRE(fixture.conversation->idle());
}

TEST_CASE("what is bound to a statement that has failed is kept within bounds") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("s", kSetsClaims));
  fixture.server(error("42P05"));
  Held held;
  for (std::size_t i = 0; i < 160; ++i) {
    fixture.client(bind("s", {"app.claims", std::string(kMib - 100, 'x')}));
    held.look();
  }
  REQUIRE(held.most() < kMost);
}

TEST_CASE("texts that are prepared while the server passes over them are not kept") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::bind("", "nothing"));
  fixture.server(error("26000"));
  Held held;
  for (std::size_t i = 0; i < 400; ++i) {
    fixture.client(test::fe::parse("", long_text(i, 250'000)));
    held.look();
  }
  REQUIRE(held.most() < kMost);
}

TEST_CASE(
    "values that wait for their answers are kept within bounds, and what is not kept is told") {
  Fixture fixture(one_rule());
  fixture.client(test::fe::parse("s", kSetsClaims) + test::fe::parse("r", kSql) + test::fe::sync());
  fixture.server(test::be::parse_complete() + test::be::parse_complete() + ready('I'));
  const std::string value(kMib - 100, 'x');
  Held held;
  std::size_t sent = 0;
  SECTION("of settings") {
    for (; sent < 160; ++sent) {
      fixture.client(bind("s", {"app.claims", value}) + test::fe::execute());
      held.look();
    }
  }
  SECTION("of an operation") {
    for (; sent < 160; ++sent) {
      fixture.client(bind("r", {value, "1"}) + test::fe::execute());
      held.look();
    }
  }
  REQUIRE(held.most() < kMost);
  fixture.client(test::fe::sync());
  for (std::size_t i = 0; i < sent; ++i)
    fixture.server(test::be::bind_complete() + command_complete("SELECT 1"));
  fixture.server(ready('I'));
  fixture.check_law();
  // The last statement's values are too many to be kept: nothing says that the session is as it
  // was.
  const auto before = fixture.operations();
  fixture.intake.operations.clear();
  fixture.client(bind("r", {"u1", "1"}) + test::fe::execute() + test::fe::sync());
  fixture.server(test::be::bind_complete() + command_complete("SELECT 1") + ready('I'));
  REQUIRE(fixture.operations() == before + 1);
  fixture.check_law();
  if (before == 0) {
    REQUIRE(fixture.intake.operations.empty());
    REQUIRE(fixture.skipped(SkipReason::context) == 1);
  } else {
    REQUIRE(before == sent);  // too large for the room that was left, and counted all the same
    REQUIRE(fixture.skipped(SkipReason::too_large) > 0);
    REQUIRE(fixture.intake.operations.size() == 1);  // what had been given back is there again
  }
}

TEST_CASE("one value that is bound to many settings is not kept for each of them") {
  Fixture fixture(one_rule());
  std::string sql = "select 1";
  for (std::size_t i = 0; i < 300; ++i)
    sql += concat({", set_config('a.n", number(i), "', $1, true)"});
  fixture.client(test::fe::parse("s", sql) + test::fe::sync());
  fixture.server(test::be::parse_complete() + ready('I'));
  Held held;
  fixture.client(bind("s", {std::string(kMib - 100, 'x')}) + test::fe::execute());
  held.look();
  REQUIRE(held.most() < 8 * kMib);
  fixture.client(test::fe::sync());
  fixture.server(test::be::bind_complete() + command_complete("SELECT 1") + ready('T'));
  fixture.simple("select id from users where id = 'u1' limit 1", "SELECT 1", 'T');
  REQUIRE(fixture.skipped(SkipReason::context) == 1);
}

TEST_CASE(
    "prepared texts are kept within bounds, and one that is not is a text that cannot be read") {
  Fixture fixture(one_rule());
  Held held;
  for (std::size_t i = 0; i < 400; ++i) {
    fixture.client(test::fe::parse(concat({"s", number(i)}), long_text(i, 250'000)));
    held.look();
  }
  REQUIRE(held.most() < kMost);
  fixture.client(test::fe::sync());
  for (std::size_t i = 0; i < 400; ++i) fixture.server(test::be::parse_complete());
  fixture.server(ready('I'));
  fixture.simple("select id from users where id = 'u1' limit 1", "SELECT 1");
  REQUIRE(fixture.intake.operations.size() == 1);
  SECTION("short texts are still read") {
    for (std::size_t i = 0; i < 3; ++i)
      fixture.simple("select id from users where id = 'u1' limit 1", "SELECT 1");
    REQUIRE(fixture.intake.operations.size() == 4);
  }
  SECTION("one of the last") {
    fixture.client(bind("s399", {}) + test::fe::execute() + test::fe::sync());
    fixture.server(test::be::bind_complete() + command_complete("SELECT 1") + ready('I'));
    fixture.simple("select id from users where id = 'u1' limit 1", "SELECT 1");
    REQUIRE(fixture.intake.operations.size() == 1);
    REQUIRE(fixture.skipped(SkipReason::context) == 1);
  }
  SECTION("one of the first") {
    fixture.client(bind("s0", {}) + test::fe::execute() + test::fe::sync());
    fixture.server(test::be::bind_complete() + command_complete("SELECT 1") + ready('I'));
    fixture.simple("select id from users where id = 'u1' limit 1", "SELECT 1");
    REQUIRE(fixture.intake.operations.size() == 2);
  }
  SECTION("room that is given back is there again") {
    for (std::size_t i = 0; i < 400; ++i)
      fixture.client(test::fe::close_statement(concat({"s", number(i)})));
    fixture.client(test::fe::parse("last", kSql) + bind("last", {"u1", "1"}) + test::fe::execute() +
                   test::fe::sync());
    for (std::size_t i = 0; i < 400; ++i) fixture.server(test::be::close_complete());
    fixture.server(kBound + command_complete("SELECT 1") + ready('I'));
    fixture.client(test::fe::parse("last", kSql) + bind("last", {"u1", "1"}) + test::fe::execute() +
                   test::fe::sync());
    fixture.server(kBound + command_complete("SELECT 1") + ready('I'));
    REQUIRE(fixture.intake.operations.size() == 3);
  }
}

TEST_CASE("short texts under names of their own are kept within bounds, too") {
  Fixture fixture(one_rule());
  Held held;
  for (std::size_t i = 0; i < 9'000; ++i) {
    std::string list = concat({"select id from users where id in ('", number(i), "'"});
    while (list.size() < 900) list += ",'x'";
    fixture.client(test::fe::parse(concat({"s", number(i)}), list + ")") + test::fe::sync());
    fixture.server(test::be::parse_complete() + ready('I'));
    held.look();
  }
  REQUIRE(held.most() < kMost);
}

TEST_CASE("literals of a text that no rule knows are not kept") {
  Fixture fixture(one_rule());
  std::string list;
  while (list.size() < 60'000) list += ", 1";
  Held held;
  for (std::size_t i = 0; i < 30; ++i) {
    fixture.simple(concat({"select ", number(i), " as n", number(i), list}), "SELECT 1");
    held.look();
  }
  REQUIRE(held.most() < 16 * kMib);
}

TEST_CASE("long writes are not kept, and are known to write") {
  Fixture fixture(one_rule());
  std::string rows;
  while (rows.size() < 200'000) rows += concat({"(", number(rows.size()), ", 'it''s; so'), "});
  const auto insert = [&](std::size_t i, const std::string& more) {
    return concat({"insert into t values ", rows, "(", number(i), more, ")"});
  };
  Held held;
  for (std::size_t i = 0; i < 40; ++i) {
    fixture.simple(insert(i, ""), "INSERT 0 1");
    held.look();
  }
  REQUIRE(held.most() < 4 * kMib);
  const std::string read = "select id from users where id = 'u1' limit 1";
  fixture.simple(read, "SELECT 1");
  REQUIRE(fixture.intake.operations.size() == 1);
  fixture.simple("begin", "BEGIN", 'T');
  SECTION("in a simple query") { fixture.simple(insert(0, ""), "INSERT 0 1", 'T'); }
  SECTION("in a portal that gives a part of its rows") {
    fixture.client(test::fe::parse("", insert(0, "")) + bind("", {}) + test::fe::execute("", 1) +
                   test::fe::sync());
    fixture.server(kBound + test::be::portal_suspended() + ready('T'));
  }
  fixture.simple(read, "SELECT 1", 'T');
  REQUIRE(fixture.skipped(SkipReason::txn_wrote) == 1);
  fixture.simple("commit", "COMMIT");
  fixture.simple(read, "SELECT 1");
  REQUIRE(fixture.intake.operations.size() == 2);
  fixture.simple(insert(0, ") returning set_config('app.claims', 'x', false"), "INSERT 0 1");
  fixture.simple(read, "SELECT 1");
  REQUIRE(fixture.skipped(SkipReason::context) == 1);
  fixture.simple("discard all", "DISCARD ALL");
  fixture.simple(concat({insert(0, ""), "; set app.claims = 'x'"}), "INSERT 0 1");
  fixture.simple(read, "SELECT 1");
  REQUIRE(fixture.skipped(SkipReason::context) == 2);
  fixture.check_law();
}

TEST_CASE("texts that many sessions keep are kept within the bounds of their worker") {
  Fixture fixture(one_rule());
  struct Other {
    std::unique_ptr<protocol::ConversationListener> listener;
    std::unique_ptr<protocol::Conversation> conversation;
  };
  std::vector<Other> others;
  Held held;
  std::size_t text = 0;
  for (std::size_t session = 0; session < 12; ++session) {
    fixture.open("app", "shop");
    for (std::size_t i = 0; i < 50; ++i) {
      fixture.client(test::fe::parse(concat({"s", number(i)}), long_text(text++, 250'000)));
      held.look();
    }
    others.push_back({std::move(fixture.listener), std::move(fixture.conversation)});
  }
  REQUIRE(held.most() < 200 * kMib);
  fixture.open("app", "shop");
  // What is short is read in any case, and an operation that there is no room for counts.
  fixture.simple("select id from users where id = 'u1' limit 1", "SELECT 1");
  REQUIRE(fixture.skipped(SkipReason::too_large) == 1);
  fixture.simple("select id from users where id = 'u1' limit 2", "SELECT 1");  // its pin is 1
  REQUIRE(fixture.skipped(SkipReason::pin) == 1);
  REQUIRE(fixture.skipped(SkipReason::context) == 0);
  for (auto& one : others) one.conversation.reset();
  others.clear();
  fixture.simple("select id from users where id = 'u1' limit 1", "SELECT 1");
  REQUIRE(fixture.intake.operations.size() == 1);
}

}  // namespace parallax::shadow
