// `auth: password`: the client is asked for its password, and SCRAM is done in its name.

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "protocol/sasl.h"
#include "tests/support/scram_server.h"
#include "tests/unit/proxy/auth_support.h"

namespace parallax::proxy {
namespace {

using test::message;
using test::ScramServer;
using test::u32;
using test::z;
namespace fe = test::fe;
namespace be = test::be;

using Writes = std::vector<std::string>;

const std::string kOffer = be::authentication_sasl({kPlus, kPlain});
const std::string kAsked = be::authentication_cleartext();
constexpr const char* kLeftInTheMiddle = "08P01 the server left SCRAM in the middle";

constexpr AuthLegs kMediated{.client_tls = true, .server_tls = true, .ask_password = true};

// A mediated login, step by step. The server knows the password "pencil".
struct Mediated : LoginRig {
  explicit Mediated(std::size_t pieces = std::string::npos)
      : LoginRig(kMediated), scram({.password = "pencil", .iterations = "2"}), piece(pieces) {}

  void offer() { server(kOffer, piece); }
  void password(std::string_view text = "pencil") { client(fe::password(text), piece); }
  // What the program has sent last, without header.
  std::string last_sent() const { return to_server.empty() ? "" : to_server.back().substr(5); }
  void challenge() {
    const std::string initial = last_sent();
    const auto view = protocol::view_sasl_initial_response(test::bytes(initial));
    REQUIRE(view);
    CHECK(view->mechanism == kPlain);
    server(be::authentication_sasl_continue(scram.first(view->data)), piece);
  }
  // Up to the program's proof, which is right.
  void prove() {
    offer();
    password();
    challenge();
    server_final = scram.last(last_sent());
    REQUIRE_FALSE(server_final.empty());
  }

  ScramServer scram;
  std::string server_final;
  std::size_t piece;
};

TEST_CASE("the client is asked for its password, the server sees SCRAM", "[auth_mediation]") {
  for (std::size_t piece = 0; piece < 60; ++piece) {  // 0: whole
    Mediated login(piece == 0 ? std::string::npos : piece);
    login.prove();
    CHECK(login.to_client == kAsked);
    REQUIRE(login.to_server.size() == 2);
    CHECK(login.to_server[0].find("pencil") == std::string::npos);
    CHECK(login.scram.gs2_header == "n,,");
    CHECK_FALSE(login.relay.over());
    const std::string end = be::session_start() + "S\0";
    login.server(be::authentication_sasl_final(login.server_final) + end, login.piece);
    CHECK(login.to_client == kAsked + end);
    CHECK(login.to_server.size() == 2);
    CHECK(login.relay.over());
    CHECK_FALSE(login.refused());
    CHECK_FALSE(login.relay.binding_offered_over_tls());
  }
}

TEST_CASE("what a server says besides passes, also while SCRAM runs", "[auth_mediation]") {
  Mediated login;
  const std::string notice = be::notice("n");
  const std::string version = be::negotiate_protocol_version(3 << 16);
  login.server(version + notice);
  login.offer();
  login.server(notice);
  login.password();
  login.server(notice);
  login.challenge();
  login.server(be::authentication_sasl_final(login.scram.last(login.last_sent())) + notice);
  login.server(be::authentication_ok());
  CHECK(login.to_client ==
        version + notice + kAsked + notice + notice + notice + be::authentication_ok());
  CHECK(login.relay.over());
}

TEST_CASE("a wrong password is refused in the server's words", "[auth_mediation]") {
  Mediated login;
  login.offer();
  login.password("pencils");
  login.challenge();
  CHECK(login.scram.last(login.last_sent()).empty());
  const std::string error = be::error("28P01", "password authentication failed", "FATAL");
  login.server(error);
  CHECK(login.to_client == kAsked + error);
  CHECK(login.errors == Writes{"28P01"});
  CHECK_FALSE(login.refused());
  CHECK_FALSE(login.relay.over());
  CHECK_FALSE(login.relay.binding_failed());
}

TEST_CASE("an error passes at any moment, and none is taken for channel binding's",
          "[auth_mediation]") {
  const std::string error = be::error("28000", "too late", "FATAL");
  for (int moment = 0; moment < 3; ++moment) {
    INFO(moment);
    Mediated login;
    login.offer();
    if (moment > 0) login.password();
    if (moment > 1) login.challenge();
    login.server(error);
    CHECK(login.to_client == kAsked + error);
    CHECK(login.errors == Writes{"28000"});
    CHECK_FALSE(login.refused());
    CHECK_FALSE(login.relay.binding_failed());
    CHECK(login.to_server.size() == static_cast<std::size_t>(moment));
  }
}

TEST_CASE("a server that does not know the password is refused", "[auth_mediation]") {
  for (const char* signature :
       {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "", "e=other-error"}) {
    INFO(signature);
    Mediated login;
    login.prove();
    login.server(be::authentication_sasl_final(signature) + be::session_start());
    CHECK(login.to_client == kAsked);
    CHECK(login.refusal.starts_with("28000 SCRAM with the server failed: "));
    CHECK_FALSE(login.relay.over());
    CHECK(login.to_server.size() == 2);
  }
}

TEST_CASE("AuthenticationOk without proof ends the login", "[auth_mediation]") {
  const std::string unproven = "28000 the server has not proven that it knows the password";
  for (int moment = 0; moment < 3; ++moment) {
    INFO(moment);
    Mediated login;
    login.offer();
    if (moment > 0) login.password();
    if (moment > 1) login.challenge();
    const auto before = login.to_server.size();
    login.server(be::session_start());
    CHECK(login.refusal == (moment == 0 ? kLeftInTheMiddle : unproven));
    CHECK(login.to_client == kAsked);
    CHECK_FALSE(login.relay.over());
    CHECK(login.to_server.size() == before);
  }
}

TEST_CASE("a challenge that makes no sense ends the login", "[auth_mediation]") {
  for (const char* challenge : {"", "r=other,s=c2FsdA==,i=4096", "nonsense"}) {
    Mediated login;
    login.offer();
    login.password();
    login.server(be::authentication_sasl_continue(challenge));
    CHECK(login.refusal.starts_with("28000 SCRAM with the server failed: "));
    CHECK(login.to_server.size() == 1);
  }
}

TEST_CASE("a server that asks otherwise in the middle never gets the password",
          "[auth_mediation]") {
  for (const std::string& turn :
       {be::authentication_cleartext(), message('R', u32(5) + "salt"), kOffer,
        be::authentication_sasl({kPlain}), message('R', u32(7)), message('R', ""),
        message('R', "abc"), std::string("no message at all")}) {
    for (int moment = 0; moment < 3; ++moment) {
      INFO(turn << " at moment " << moment);
      Mediated login;
      login.offer();
      if (moment > 0) login.password();
      if (moment > 1) login.challenge();
      const auto before = login.to_server.size();
      login.server(turn);
      login.password();
      CHECK(login.refusal == kLeftInTheMiddle);
      CHECK(login.to_client == kAsked);
      CHECK(login.to_server.size() == before);
      for (const auto& write : login.to_server) CHECK(write.find("pencil") == std::string::npos);
    }
  }
}

TEST_CASE("SCRAM's messages before the password was given end the login", "[auth_mediation]") {
  for (const std::string& turn : {be::authentication_sasl_continue("r=x,s=c2FsdA==,i=1"),
                                  be::authentication_sasl_final("v=eA==")}) {
    Mediated login;
    login.offer();
    login.server(turn);
    CHECK(login.refusal == kLeftInTheMiddle);
    CHECK(login.to_server.empty());
  }
}

TEST_CASE("the last message in the first one's place proves nothing", "[auth_mediation]") {
  Mediated login;
  login.offer();
  login.password();
  const std::string initial = login.last_sent();
  const auto view = protocol::view_sasl_initial_response(test::bytes(initial));
  login.server(be::authentication_sasl_final(login.scram.first(view.value().data)));
  login.server(be::authentication_ok());
  CHECK(login.refused());
  CHECK_FALSE(login.relay.over());
  CHECK(login.to_client == kAsked);
}

TEST_CASE("a second password ends the login", "[auth_mediation]") {
  const std::string second = "08P01 a second password was sent";
  Mediated at_once;
  at_once.offer();
  at_once.client(fe::password("pencil") + fe::password("pencil"));
  CHECK(at_once.refusal == second);
  CHECK(at_once.to_server.size() == 1);
  Mediated later;
  later.prove();
  later.password();
  CHECK(later.refusal == second);
  CHECK(later.to_server.size() == 2);
}

TEST_CASE("a password without its end is refused and goes nowhere", "[auth_mediation]") {
  for (const std::string& body : {std::string("pencil"), std::string()}) {
    Mediated login;
    login.offer();
    login.client(message('p', body));
    CHECK(login.refusal == "08P01 invalid password packet size");
    CHECK(login.to_server.empty());
  }
}

TEST_CASE("a password longer than any server reads is refused and goes nowhere",
          "[auth_mediation]") {
  const std::string endless = fe::password(std::string(AuthFramer::kMessageBytesMax, 'x'));
  for (const bool running : {false, true}) {
    Mediated login;
    login.offer();
    if (running) login.password();
    const auto before = login.to_server.size();
    login.client(endless, 8192);
    CHECK(login.refusal == "08P01 invalid password packet size");
    CHECK(login.to_server.size() == before);
  }
}

TEST_CASE("passwords of any kind are given as they are typed", "[auth_mediation]") {
  // With SCRAM an empty password is one too; the server will refuse it.
  for (const std::string& typed :
       {std::string("a,b=c n=x"), std::string("caf\u00e9"), std::string("caf\xe9"),
        std::string(60'000, 'x'), std::string()}) {
    LoginRig login(kMediated);
    login.server(kOffer);
    login.client(fe::password(typed));
    REQUIRE(login.to_server.size() == 1);
    const std::string initial = login.to_server[0].substr(5);
    ScramServer scram({.password = typed, .iterations = "1"});
    const auto view = protocol::view_sasl_initial_response(test::bytes(initial));
    login.server(be::authentication_sasl_continue(scram.first(view.value().data)));
    REQUIRE(login.to_server.size() == 2);
    CHECK_FALSE(scram.last(login.to_server[1].substr(5)).empty());
  }
}

TEST_CASE("a client that gives up in the middle is told to the server", "[auth_mediation]") {
  Mediated login;
  login.offer();
  login.client(fe::terminate());
  CHECK(login.to_server == Writes{fe::terminate()});
  CHECK_FALSE(login.refused());
}

TEST_CASE("a password that comes before it is asked for waits for the asking", "[auth_mediation]") {
  Mediated login;
  login.client(fe::password("pencil"));
  CHECK(login.to_server.empty());
  login.offer();
  CHECK(login.to_server.size() == 1);
  CHECK(login.to_server.front().find("pencil") == std::string::npos);
  CHECK(login.to_server.front().find("SCRAM-SHA-256") != std::string::npos);
}

TEST_CASE("half a password of a client that ends goes nowhere", "[auth_mediation]") {
  Mediated login;
  login.offer();
  login.client(fe::password("top secret").substr(0, 9));
  CHECK(login.relay.client_ended());
  CHECK(login.to_server.empty());
}

TEST_CASE("a client that ends while SCRAM runs in its name is not ended before its login",
          "[auth_mediation]") {
  Mediated login;
  login.offer();
  login.client(fe::password("pencil") + fe::query("insert") + fe::terminate());
  CHECK_FALSE(login.relay.client_ended());
  CHECK(login.relay.holds_client());
  CHECK(login.to_server.size() == 1);
}

}  // namespace
}  // namespace parallax::proxy
