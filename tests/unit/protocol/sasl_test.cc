#include "protocol/sasl.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/wire.h"

namespace parallax::protocol {
namespace {

using test::bytes;
using test::i32;
using test::u32;
using test::z;

using Names = std::vector<std::string>;

constexpr const char* kPlus = "SCRAM-SHA-256-PLUS";
constexpr const char* kPlain = "SCRAM-SHA-256";
constexpr const char* kBearer = "OAUTHBEARER";

std::string body_of(const std::string& message) { return message.substr(5); }
std::string list_body(const Names& names) { return body_of(test::be::authentication_sasl(names)); }

std::string text(const std::vector<std::byte>& built) { return std::string(as_text(built)); }

TEST_CASE("mechanisms are read in their order", "[sasl]") {
  for (const Names& names : std::vector<Names>{{kPlus, kPlain},
                                               {kPlain, kPlus},
                                               {kPlain},
                                               {kBearer, kPlain, "X", kPlus},
                                               {"\xff-PLUS"},
                                               {}}) {
    const std::string body = list_body(names);
    const auto read = sasl_mechanisms(bytes(body));
    REQUIRE(read);
    CHECK(Names(read->begin(), read->end()) == names);
  }
}

TEST_CASE("a list without its end, or of another message, is none", "[sasl]") {
  const std::string whole = list_body({kPlus, kPlain});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    INFO(length);
    CHECK_FALSE(sasl_mechanisms(bytes(whole.substr(0, length))));
    CHECK_FALSE(without_channel_binding(bytes(whole.substr(0, length))));
  }
  for (const std::uint32_t code : {0u, 3u, 5u, 11u, 12u, 0x0a000000u}) {
    CHECK_FALSE(sasl_mechanisms(bytes(u32(code) + z(kPlain) + '\0')));
    CHECK_FALSE(without_channel_binding(bytes(u32(code) + z(kPlus) + z(kPlain) + '\0')));
  }
}

TEST_CASE("only names that end in -PLUS bind the channel", "[sasl]") {
  for (const char* name : {kPlus, "SCRAM-SHA-1-PLUS", "SCRAM-SHA-512-PLUS", "-PLUS"}) {
    CHECK(binds_channel(name));
  }
  for (const char* name : {kPlain, kBearer, "SCRAM-PLUS-256", "PLUS", "SCRAM-SHA-256-plus",
                           "SCRAM-SHA-256-PLUS ", ""}) {
    CHECK_FALSE(binds_channel(name));
  }
}

TEST_CASE("mechanisms that bind the channel are taken off the list, byte-exact", "[sasl]") {
  // PostgreSQL 18's list; written out once, by hand.
  const std::string expected(
      "R\x00\x00\x00\x23\x00\x00\x00\x0a"
      "SCRAM-SHA-256\0OAUTHBEARER\0\0",
      1 + 4 + 4 + 14 + 12 + 1);
  CHECK(text(without_channel_binding(bytes(list_body({kPlus, kPlain, kBearer}))).value()) ==
        expected);
  struct Case {
    Names offered;
    Names kept;
  };
  for (const Case& c : std::vector<Case>{
           {{kPlus, kPlain}, {kPlain}},
           {{kPlain, kPlus}, {kPlain}},
           {{kBearer, kPlus, kPlain}, {kBearer, kPlain}},
           {{kPlus, kBearer}, {kBearer}},
           {{"SCRAM-SHA-512-PLUS", "SCRAM-SHA-512", kPlus, kPlain}, {"SCRAM-SHA-512", kPlain}},
           {{kPlain}, {kPlain}},
           {{"NEW-MECHANISM", kPlus, "\xff"}, {"NEW-MECHANISM", "\xff"}},
       }) {
    const auto kept = without_channel_binding(bytes(list_body(c.offered)));
    REQUIRE(kept);
    CHECK(text(*kept) == test::be::authentication_sasl(c.kept));
  }
}

TEST_CASE("a list of which nothing would be left stays", "[sasl]") {
  for (const Names& names : std::vector<Names>{{kPlus}, {kPlus, "SCRAM-SHA-1-PLUS"}, {}}) {
    CHECK_FALSE(without_channel_binding(bytes(list_body(names))));
  }
}

TEST_CASE("the client's first answer is read", "[sasl]") {
  const std::string first = "n,,n=,r=fyko+d2lbbFgONRv9qkxdawL";
  const std::string whole = text(build_sasl_initial_response(kPlain, first));
  CHECK(whole == test::message('p', z(kPlain) + i32(32) + first));
  const std::string body = body_of(whole);
  const auto view = view_sasl_initial_response(bytes(body));
  REQUIRE(view);
  CHECK(view->mechanism == kPlain);
  CHECK(view->data == first);
  for (std::size_t length = 0; length < body.size(); ++length) {
    CHECK_FALSE(view_sasl_initial_response(bytes(body.substr(0, length))));
  }
}

TEST_CASE("an answer without data, and lengths that are not there", "[sasl]") {
  const auto view = [](const std::string& body) {
    return view_sasl_initial_response(bytes(body)).has_value();
  };
  const std::string absent_body = z(kBearer) + i32(-1);
  const auto absent = view_sasl_initial_response(bytes(absent_body));
  REQUIRE(absent);
  CHECK(absent->mechanism == kBearer);
  CHECK(absent->data.empty());
  CHECK(view(z(kPlain) + i32(0)));
  CHECK(view(z("") + i32(0)));
  CHECK_FALSE(view(z(kPlain) + i32(1)));
  CHECK_FALSE(view(z(kPlain) + i32(0x7fffffff) + "n,,"));
  CHECK_FALSE(view(z(kPlain) + "\0\0"));
  CHECK_FALSE(view(z("md5 or a password")));
  CHECK_FALSE(view("c=biws,r=no zero in it"));
  CHECK_FALSE(view(""));
}

TEST_CASE("only the gs2 flag y says that the client could have bound the channel", "[sasl]") {
  for (const char* data : {"y,,n=,r=x", "y,"}) {
    CHECK(believes_unbindable({.mechanism = kPlain, .data = data}));
  }
  for (const char* data : {"n,,n=,r=y,", "p=tls-server-end-point,,n=,r=x", "p=y,,", "Y,,n=,r=x",
                           "y", "yy,,", ",y,", ""}) {
    CHECK_FALSE(believes_unbindable({.mechanism = kPlain, .data = data}));
  }
}

TEST_CASE("messages of a login that are our own are as specified", "[sasl]") {
  CHECK(text(build_cleartext_password_request()) == test::be::authentication_cleartext());
  CHECK(text(build_sasl_response("c=biws,r=x,p=y")) == test::message('p', "c=biws,r=x,p=y"));
  CHECK(text(build_sasl_response("")) == test::message('p', ""));
  CHECK(text(build_sasl_initial_response(kPlain, "")) == test::message('p', z(kPlain) + i32(0)));
}

}  // namespace
}  // namespace parallax::protocol
