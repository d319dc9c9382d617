#include "protocol/startup.h"

#include <catch2/catch.hpp>

#include "tests/support/wire.h"

namespace parallax::protocol {
namespace {

using test::bytes;

StartupParameters parameters_of(const std::string& data) {
  FirstPacket packet{};
  REQUIRE(read_first_packet(bytes(data), packet) == FirstPacketError::none);
  return read_startup_parameters(packet);
}

TEST_CASE("kinds of first packets", "[startup]") {
  struct Case {
    std::string data;
    FirstPacketKind kind;
    std::uint32_t code;
  };
  const test::Parameters user{{"user", "u"}};
  const std::vector<Case> cases{
      {test::fe::ssl_request(), FirstPacketKind::ssl_request, 80877103},
      {test::fe::gssenc_request(), FirstPacketKind::gssenc_request, 80877104},
      {test::fe::cancel_request(1, "keys"), FirstPacketKind::cancel_request, 80877102},
      {test::fe::cancel_request(1, std::string(256, 'k')), FirstPacketKind::cancel_request,
       80877102},
      {test::fe::startup(user, 0x00030000), FirstPacketKind::startup, 0x00030000},
      {test::fe::startup(user, 0x00030002), FirstPacketKind::startup, 0x00030002},
      {test::fe::startup(user, 0x0003270f), FirstPacketKind::startup, 0x0003270f},
      {test::fe::startup(user, 0x00020000), FirstPacketKind::startup, 0x00020000},
      {test::fe::startup(user, 0x00040000), FirstPacketKind::startup, 0x00040000},
  };
  for (const Case& c : cases) {
    INFO(std::hex << c.code);
    for (std::size_t length = 0; length < c.data.size(); ++length) {
      FirstPacket packet{};
      CHECK(read_first_packet(bytes(std::string_view(c.data).substr(0, length)), packet) ==
            FirstPacketError::need_more);
    }
    const std::string more = c.data + "stuffed behind";
    FirstPacket packet{};
    REQUIRE(read_first_packet(bytes(more), packet) == FirstPacketError::none);
    CHECK(packet.kind == c.kind);
    CHECK(packet.code == c.code);
    CHECK(as_text(packet.packet) == c.data);
  }
}

TEST_CASE("lengths of the first packet", "[startup]") {
  FirstPacket packet{};
  const auto read = [&packet](std::uint32_t length) {
    const std::string data = test::u32(length) + test::u32(3 << 16) + std::string(20000, '\0');
    return read_first_packet(bytes(data), packet);
  };
  CHECK(read(7) == FirstPacketError::bad_length);
  CHECK(read(8) == FirstPacketError::none);
  CHECK(packet.packet.size() == 8);
  CHECK(read(10004) == FirstPacketError::none);
  CHECK(packet.packet.size() == 10004);
  CHECK(read(10005) == FirstPacketError::bad_length);
  CHECK(read(0) == FirstPacketError::bad_length);
  CHECK(read(0xffffffff) == FirstPacketError::bad_length);
  // Known from the length alone: HTTP, a TLS ClientHello.
  CHECK(read_first_packet(bytes("GET "), packet) == FirstPacketError::bad_length);
  CHECK(read_first_packet(bytes("\x16\x03\x01\x02"), packet) == FirstPacketError::bad_length);
  CHECK(read_first_packet(bytes("GET"), packet) == FirstPacketError::need_more);
}

TEST_CASE("parameters are read in order, the last of a name counts", "[startup]") {
  const auto p = parameters_of(test::fe::startup({{"user", "a.b.c"},
                                                  {"application_name", "x"},
                                                  {"options", ""},
                                                  {"database", "d"},
                                                  {"application_name", "y"}}));
  REQUIRE(p.values.size() == 5);
  CHECK(p.values[1].second == "x");
  CHECK(p.user() == "a.b.c");
  CHECK(p.database() == "d");
  CHECK(p.find("application_name") == "y");
  CHECK(p.find("options") == "");
  CHECK_FALSE(p.find("nothing").has_value());
  CHECK_FALSE(p.replication());
}

TEST_CASE("database defaults to the user", "[startup]") {
  CHECK(parameters_of(test::fe::startup({{"user", "u"}})).database() == "u");
  CHECK(parameters_of(test::fe::startup({{"user", "u"}, {"database", ""}})).database() == "u");
  CHECK(parameters_of(test::fe::startup({{"database", "d"}})).user().empty());
  CHECK(parameters_of(test::fe::startup({})).database().empty());
}

TEST_CASE("odd parameter lists are read as far as they go", "[startup]") {
  const std::string user = test::z("user") + test::z("u");
  CHECK(parameters_of(test::packet(3 << 16, user)).values.size() == 1);  // no final NUL
  CHECK(parameters_of(test::packet(3 << 16, user + "cut")).values.size() == 1);
  CHECK(parameters_of(test::packet(3 << 16, user + test::z("name") + "cut")).values.size() == 1);
  CHECK(parameters_of(test::packet(3 << 16, user + '\0' + user)).values.size() == 1);
  CHECK(parameters_of(test::packet(3 << 16, "")).values.empty());
  CHECK(parameters_of(test::packet(3 << 16, test::z("user") + test::z("\xff\xfe") + '\0')).user() ==
        "\xff\xfe");
  CHECK(parameters_of(test::packet(2 << 16, user)).values.empty());  // protocol 2 has fixed fields
  CHECK(parameters_of(test::fe::ssl_request()).values.empty());
  CHECK(parameters_of(test::fe::cancel_request(1, user)).values.empty());
}

TEST_CASE("replication connections", "[startup]") {
  for (const char* value : {"true", "on", "yes", "1", "database", "TRUE", "t", "y", "On"}) {
    INFO(value);
    CHECK(parameters_of(test::fe::startup({{"user", "u"}, {"replication", value}})).replication());
  }
  for (const char* value :
       {"false", "off", "no", "0", "", "o", "truely", "Database", "onn", "11"}) {
    INFO(value);
    CHECK_FALSE(
        parameters_of(test::fe::startup({{"user", "u"}, {"replication", value}})).replication());
  }
}

}  // namespace
}  // namespace parallax::protocol
