#include "protocol/framer.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>

#include "tests/support/seed.h"
#include "tests/support/wire.h"

namespace parallax::protocol {
namespace {

using test::bytes;
using test::message;

// Wants everything of some types, a part or nothing of others, and writes down what it gets.
class Collector : public FramerVisitor {
 public:
  std::size_t wanted(char type, std::uint32_t) override {
    if (type == 'D') return 0;
    return type == 'P' ? 3 : kAll;
  }
  void message(const Message& m) override {
    messages.push_back(m.type + std::to_string(m.body_length) + (m.whole() ? "=" : "<") +
                       std::string(as_text(m.body)));
    bodies.insert(m.body.data());
  }

  static constexpr std::size_t kAll = 1 << 30;
  std::vector<std::string> messages;
  std::set<const std::byte*> bodies;
};

unsigned seed() { return static_cast<unsigned>(test::run_seed()); }

// About 200 messages of mixed types and lengths; many bodies full of bytes that look like headers.
std::string transcript() {
  std::string out;
  for (unsigned i = 0; i < 200; ++i) {
    static constexpr std::string_view kTypes = "QPDZ1sRnCt";
    const std::size_t length = i % 7 == 0 ? 0 : (i * 13) % 29;
    out += message(kTypes[i % kTypes.size()], std::string(length, i % 2 == 0 ? 'Z' : '\0'));
  }
  return out;
}

std::vector<std::string> frame(std::initializer_list<std::string_view> chunks) {
  Framer framer;
  Collector collector;
  for (const std::string_view chunk : chunks) REQUIRE(framer.feed(bytes(chunk), collector));
  CHECK(framer.at_boundary());
  return collector.messages;
}

TEST_CASE("every split of a transcript gives the same messages", "[framer]") {
  const std::string all = transcript();
  const auto expected = frame({all});
  REQUIRE(expected.size() == 200);
  CHECK(expected[1] == "P13<" + std::string(3, '\0'));
  CHECK(expected[2] == "D26<");
  CHECK(expected[4] == "123=" + std::string(23, 'Z'));
  for (std::size_t i = 0; i <= all.size(); ++i) {
    REQUIRE(frame({std::string_view(all).substr(0, i), std::string_view(all).substr(i)}) ==
            expected);
  }
}

TEST_CASE("many random splits of a transcript give the same messages", "[framer]") {
  std::mt19937 random(seed());
  const std::string all = transcript();
  const auto expected = frame({all});
  for (int round = 0; round < 200; ++round) {
    const std::size_t longest = 1 + random() % 40;
    Framer framer;
    Collector collector;
    for (std::size_t i = 0; i < all.size();) {
      const std::size_t length = 1 + random() % longest;
      REQUIRE(framer.feed(bytes(std::string_view(all).substr(i, length)), collector));
      i += length;
    }
    REQUIRE(collector.messages == expected);
  }
}

TEST_CASE("a message within one chunk is handed over in place", "[framer]") {
  const std::string two = message('Q', "one") + message('Q', "two");
  Framer framer;
  Collector collector;
  framer.feed(bytes(two), collector);
  CHECK(collector.bodies ==
        std::set<const std::byte*>{bytes(two).data() + 5, bytes(two).data() + 13});
}

TEST_CASE("pieces are assembled in one buffer", "[framer]") {
  Framer framer;
  Collector collector;
  framer.feed(bytes(message('Q', std::string(100, 'x')).substr(0, 50)), collector);
  framer.feed(bytes(std::string(55, 'x')), collector);
  REQUIRE(collector.bodies.size() == 1);
  for (int i = 0; i < 10; ++i) {
    const std::string next = message('Q', std::string(90, 'y'));
    framer.feed(bytes(next.substr(0, 7)), collector);
    framer.feed(bytes(next.substr(7)), collector);
  }
  CHECK(collector.messages.back() == "Q90=" + std::string(90, 'y'));
  CHECK(collector.bodies.size() == 1);
}

TEST_CASE("boundaries are between messages only", "[framer]") {
  Framer framer;
  Collector collector;
  const std::string all = message('Q', "abc");
  CHECK(framer.at_boundary());
  for (const char& c : all) {
    CHECK(framer.feed(bytes(std::string_view(&c, 1)), collector));
    CHECK(framer.at_boundary() == (&c == &all.back()));
  }
}

TEST_CASE("a visitor finds the framer at a boundary", "[framer]") {
  struct Asker : FramerVisitor {
    explicit Asker(const Framer& f) : framer(f) {}
    std::size_t wanted(char, std::uint32_t) override { return 10; }
    void message(const Message&) override { at_boundary.push_back(framer.at_boundary()); }
    const Framer& framer;
    std::vector<bool> at_boundary;
  };
  Framer framer;
  Asker asker(framer);
  framer.feed(bytes(message('Q', "abc") + message('S', "") + message('Q', "abc").substr(0, 6)),
              asker);
  framer.feed(bytes("bc"), asker);
  CHECK(asker.at_boundary == std::vector<bool>{true, true, true});
}

TEST_CASE("bytes that cannot be messages lose the framer for good", "[framer]") {
  struct Case {
    const char* what;
    std::string data;
    bool lost;
  };
  const std::vector<Case> cases{
      {"length 4", message('S', ""), false},
      {"length 3", 'S' + test::u32(3), true},
      {"length 0", 'S' + test::u32(0), true},
      {"negative length", 'S' + test::i32(-1), true},
      {"most negative length", 'S' + test::u32(0x80000000), true},
      {"largest length", 'd' + test::u32(0x7fffffff), false},
      {"type NUL", std::string(1, '\0'), true},
      {"TLS record", "\x16\x03\x01", true},
      {"punctuation", "{", true},
      {"high bit", "\xc3", true},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    for (const bool byte_by_byte : {false, true}) {
      Framer framer;
      Collector collector;
      bool ok = true;
      for (std::size_t i = 0; i < c.data.size(); i += byte_by_byte ? 1 : c.data.size()) {
        ok = framer.feed(bytes(byte_by_byte ? c.data.substr(i, 1) : c.data), collector);
      }
      CHECK(ok == !c.lost);
      CHECK(framer.lost() == c.lost);
      if (!c.lost) continue;
      CHECK_FALSE(framer.feed(bytes(message('S', "")), collector));
      CHECK(collector.messages.empty());
      CHECK_FALSE(framer.at_boundary());
    }
  }
}

TEST_CASE("a message of a gigabyte passes with the wanted prefix only", "[framer]") {
  struct Prefix : FramerVisitor {
    std::size_t wanted(char, std::uint32_t) override { return 100; }
    void message(const Message& m) override {
      body = as_text(m.body);
      length = m.body_length;
      whole = m.whole();
    }
    std::string body;
    std::uint32_t length = 0;
    bool whole = true;
  };
  Framer framer;
  Prefix prefix;
  const std::string chunk(1 << 20, 'x');
  framer.feed(bytes('d' + test::u32((1u << 30) + 4)), prefix);
  for (int i = 0; i < 1024; ++i) framer.feed(bytes(chunk), prefix);
  CHECK(framer.at_boundary());
  CHECK(prefix.length == 1u << 30);
  CHECK(prefix.body == std::string(100, 'x'));
  CHECK_FALSE(prefix.whole);
}

}  // namespace
}  // namespace parallax::protocol
