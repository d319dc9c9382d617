#include "proxy/handshake.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/wire.h"

namespace parallax::proxy {
namespace {

using protocol::as_text;
using test::bytes;
using Order = Handshake::Order;

const std::string kSsl = test::fe::ssl_request();
const std::string kGss = test::fe::gssenc_request();
const std::string kStart = test::fe::startup({{"user", "u"}});
const std::string kCancel = test::fe::cancel_request(7, "keys");

// What the packets are answered with, each fed in two pieces at every offset, or whole. A packet's
// first piece is waited upon.
std::vector<Order> orders(bool offers_tls, const std::vector<std::string>& packets,
                          std::size_t cut) {
  Handshake handshake(offers_tls);
  std::vector<Order> given;
  for (const std::string& packet : packets) {
    const std::size_t first = std::min(cut, packet.size());
    if (first > 0 && first < packet.size()) {
      REQUIRE(handshake.feed(bytes(packet.substr(0, first))) == Order::wait);
      given.push_back(handshake.feed(bytes(packet.substr(first))));
    } else {
      given.push_back(handshake.feed(bytes(packet)));
    }
  }
  return given;
}

TEST_CASE("first packets are answered in every order, at every split", "[handshake]") {
  struct Case {
    const char* what;
    bool offers_tls;
    std::vector<std::string> packets;
    std::vector<Order> expected;
  };
  const std::vector<Case> cases{
      {"plain", false, {kStart}, {Order::start}},
      {"plain, TLS offered", true, {kStart}, {Order::start}},
      {"a cancel", false, {kCancel}, {Order::cancel}},
      {"a cancel, TLS offered", true, {kCancel}, {Order::cancel}},
      {"no TLS here", false, {kSsl, kStart}, {Order::answer_no, Order::start}},
      {"TLS", true, {kSsl, kStart}, {Order::encrypt, Order::start}},
      {"a cancel in TLS", true, {kSsl, kCancel}, {Order::encrypt, Order::cancel}},
      {"GSS", true, {kGss, kStart}, {Order::answer_no, Order::start}},
      {"GSS, then TLS",
       true,
       {kGss, kSsl, kStart},
       {Order::answer_no, Order::encrypt, Order::start}},
      {"GSS, then no TLS",
       false,
       {kGss, kSsl, kStart},
       {Order::answer_no, Order::answer_no, Order::start}},
      {"no TLS, then GSS",
       false,
       {kSsl, kGss, kStart},
       {Order::answer_no, Order::answer_no, Order::start}},
      {"TLS twice, refused", false, {kSsl, kSsl}, {Order::answer_no, Order::repeated}},
      {"TLS inside TLS", true, {kSsl, kSsl}, {Order::encrypt, Order::repeated}},
      {"GSS twice", true, {kGss, kGss}, {Order::answer_no, Order::repeated}},
      {"GSS inside TLS", true, {kSsl, kGss}, {Order::encrypt, Order::repeated}},
      {"GSS, TLS, GSS",
       true,
       {kGss, kSsl, kGss},
       {Order::answer_no, Order::encrypt, Order::repeated}},
      {"too short", true, {test::u32(7)}, {Order::close}},
      {"too long", true, {test::u32(10005)}, {Order::close}},
      {"HTTP", true, {"GET "}, {Order::close}},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    for (std::size_t cut = 0; cut < kStart.size(); ++cut) {
      REQUIRE(orders(c.offers_tls, c.packets, cut) == c.expected);
    }
  }
}

TEST_CASE("the packet is kept as it came, what is behind it is the rest", "[handshake]") {
  const std::string behind = test::fe::password("early") + "Q";
  for (const std::string& packet : {kStart, kCancel}) {
    Handshake handshake(true);
    handshake.feed(bytes(packet.substr(0, 5)));
    handshake.feed(bytes(packet.substr(5) + behind));
    CHECK(as_text(handshake.packet()) == packet);
    CHECK(as_text(handshake.rest()) == behind);
    CHECK_FALSE(handshake.stuffed());
    CHECK_FALSE(handshake.encrypted());
  }
}

TEST_CASE("bytes behind an encryption request in one flight are found", "[handshake]") {
  for (const std::string& behind : {kStart, std::string("\x16"), std::string("x")}) {
    for (const bool split : {false, true}) {
      const auto feed = [&](Handshake& handshake, const std::string& request) {
        if (split) REQUIRE(handshake.feed(bytes(request.substr(0, 7))) == Order::wait);
        return handshake.feed(bytes((split ? request.substr(7) : request) + behind));
      };
      // Refused inside TLS, as the server does: its words must reach the client.
      Handshake tls(true);
      CHECK(feed(tls, kSsl) == Order::encrypt);
      CHECK(tls.stuffed());
      CHECK(tls.encrypted());
      Handshake plain(false);
      CHECK(feed(plain, kSsl) == Order::stuffed);
      CHECK(plain.request_code() == 80877103);
      for (const bool offers_tls : {false, true}) {
        Handshake gss(offers_tls);
        CHECK(feed(gss, kGss) == Order::stuffed);
        CHECK(gss.request_code() == 80877104);
      }
    }
  }
}

TEST_CASE("stuffed bytes are never taken for what comes inside TLS", "[handshake]") {
  Handshake handshake(true);
  REQUIRE(handshake.feed(bytes(kSsl + test::fe::startup({{"user", "stuffed"}}))) == Order::encrypt);
  REQUIRE(handshake.feed(bytes(kStart)) == Order::start);
  CHECK(as_text(handshake.packet()) == kStart);
  CHECK(handshake.stuffed());
}

TEST_CASE("TLS at once is told by its first byte, where TLS is offered", "[handshake]") {
  const std::string hello("\x16\x03\x01\x02\x00\x01", 6);
  for (std::size_t length = 1; length <= hello.size(); ++length) {
    Handshake offered(true);
    CHECK(offered.feed(bytes(hello.substr(0, length))) == Order::encrypt_directly);
    CHECK(offered.encrypted());
    CHECK_FALSE(offered.stuffed());
    Handshake not_offered(false);
    CHECK(not_offered.feed(bytes(hello.substr(0, length))) ==
          (length < 4 ? Order::wait : Order::close));
    CHECK_FALSE(not_offered.encrypted());
  }
}

TEST_CASE("inside TLS that began at once only a session or a cancel is possible", "[handshake]") {
  struct Case {
    std::string packet;
    Order expected;
  };
  for (const Case& c : std::vector<Case>{{kStart, Order::start},
                                         {kCancel, Order::cancel},
                                         {kSsl, Order::repeated},
                                         {kGss, Order::repeated},
                                         {"\x16\x03\x01\x02", Order::close}}) {
    Handshake handshake(true);
    REQUIRE(handshake.feed(bytes("\x16")) == Order::encrypt_directly);
    CHECK(handshake.feed(bytes(c.packet)) == c.expected);
  }
}

TEST_CASE("TLS at once is possible as the very first byte only", "[handshake]") {
  for (const std::string& before : {kGss, kSsl.substr(0, 2)}) {
    Handshake handshake(true);
    handshake.feed(bytes(before));
    CHECK(handshake.feed(bytes("\x16\x03\x01\x02")) != Order::encrypt_directly);
    CHECK_FALSE(handshake.encrypted());
  }
}

TEST_CASE("a client that sent nothing is told from one that did", "[handshake]") {
  Handshake handshake(true);
  CHECK_FALSE(handshake.anything_received());
  CHECK(handshake.feed({}) == Order::wait);
  CHECK_FALSE(handshake.anything_received());
  CHECK(handshake.feed(bytes("\x16")) == Order::encrypt_directly);
  CHECK(handshake.anything_received());
}

}  // namespace
}  // namespace parallax::proxy
