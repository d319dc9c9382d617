#include "proxy/auth_framer.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/wire.h"

namespace parallax::proxy {
namespace {

using protocol::as_text;
using test::bytes;
using test::message;

std::vector<std::string> all_of(AuthFramer& framer) {
  std::vector<std::string> messages;
  while (const auto one = framer.next()) messages.emplace_back(as_text(*one));
  return messages;
}

const std::vector<std::string>& login() {
  static const std::vector<std::string> messages{
      message('p', "SCRAM-SHA-256"), message('p', ""), message('Q', test::z("select 1")),
      message('X', ""), message('p', std::string(300, '\0'))};
  return messages;
}
std::string joined() {
  std::string out;
  for (const auto& one : login()) out += one;
  return out;
}

TEST_CASE("every split gives the same whole messages", "[auth_framer]") {
  const std::string all = joined();
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    AuthFramer framer;
    framer.feed(bytes(all.substr(0, cut)));
    auto messages = all_of(framer);
    framer.feed(bytes(all.substr(cut)));
    for (auto& one : all_of(framer)) messages.push_back(std::move(one));
    REQUIRE(messages == login());
    REQUIRE_FALSE(framer.broken());
    REQUIRE(framer.take_rest().empty());
  }
}

TEST_CASE("byte by byte, a message is given with its last byte", "[auth_framer]") {
  const std::string one = message('p', "secret");
  AuthFramer framer;
  for (int round = 0; round < 3; ++round) {
    for (const char& c : one) {
      framer.feed(bytes(std::string_view(&c, 1)));
      const auto given = framer.next();
      REQUIRE(given.has_value() == (&c == &one.back()));
      if (given) CHECK(as_text(*given) == one);
    }
  }
}

TEST_CASE("lengths that no login message has break the framer for good", "[auth_framer]") {
  struct Case {
    std::uint32_t length;
    bool broken;
  };
  constexpr std::uint32_t kLongest = AuthFramer::kMessageBytesMax - 1;
  for (const Case& c : std::vector<Case>{{0, true},
                                         {3, true},
                                         {4, false},
                                         {kLongest, false},
                                         {kLongest + 1, true},
                                         {0x7fffffff, true},
                                         {0x80000000, true},
                                         {0xffffffff, true}}) {
    INFO(c.length);
    AuthFramer framer;
    const std::string data = 'p' + test::u32(c.length) + std::string(kLongest - 4, 'x');
    framer.feed(bytes(data.substr(0, 4)));
    CHECK_FALSE(framer.next());
    CHECK_FALSE(framer.broken());  // the length is not known yet
    framer.feed(bytes(data.substr(4)));
    const auto given = framer.next();
    CHECK(given.has_value() != c.broken);
    CHECK(framer.broken() == c.broken);
    if (!c.broken) {
      CHECK(given->size() == c.length + 1);
      continue;
    }
    CHECK(as_text(framer.take_rest()) == data);
    framer.feed(bytes(message('p', "x")));
    CHECK_FALSE(framer.next());
    CHECK(as_text(framer.take_rest()) == message('p', "x"));
  }
}

TEST_CASE("the rest is what was not given, once", "[auth_framer]") {
  AuthFramer framer;
  CHECK(framer.take_rest().empty());
  framer.feed(bytes(message('p', "one") + message('p', "two").substr(0, 6)));
  REQUIRE(framer.next());
  CHECK(as_text(framer.take_rest()) == message('p', "two").substr(0, 6));
  CHECK(framer.take_rest().empty());
  framer.feed(bytes(message('p', "three")));
  REQUIRE(framer.next());
  CHECK(framer.take_rest().empty());
}

TEST_CASE("what was given is wiped by the next call", "[auth_framer]") {
  const std::string first = message('p', test::z("hunter2"));
  for (const bool with_rest : {false, true}) {
    AuthFramer framer;
    framer.feed(bytes(first + 'p'));
    const auto given = framer.next();
    REQUIRE(given);
    with_rest ? static_cast<void>(framer.take_rest()) : static_cast<void>(framer.next());
    CHECK(std::ranges::all_of(*given, [](std::byte b) { return b == std::byte{0}; }));
    CHECK(given->size() == first.size());
  }
}

TEST_CASE("a message that was put back is given again", "[auth_framer]") {
  AuthFramer framer;
  framer.feed(bytes(message('p', "one") + message('Q', "two")));
  REQUIRE(framer.next());
  REQUIRE(framer.next());
  framer.put_back();
  framer.feed(bytes(message('X', "")));
  CHECK(as_text(*framer.next()) == message('Q', "two"));
  CHECK(as_text(framer.take_rest()) == message('X', ""));
}

TEST_CASE("many small messages take linear time", "[auth_framer]") {
  AuthFramer framer;
  std::string many;
  for (int i = 0; i < 200'000; ++i) many += message('p', "");
  framer.feed(bytes(many));  // with a move of the rest for each, this takes minutes
  std::size_t count = 0;
  while (framer.next()) ++count;
  CHECK(count == 200'000);
}

}  // namespace
}  // namespace parallax::proxy
