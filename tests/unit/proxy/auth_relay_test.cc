// Logins that pass: what is altered on which legs, and that nothing else is. See also
// auth_relay_mediation_test.cc.

#include "proxy/auth_relay.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/unit/proxy/auth_support.h"

namespace parallax::proxy {
namespace {

using test::message;
using test::u32;
using test::z;
namespace fe = test::fe;
namespace be = test::be;

using Names = std::vector<std::string>;
constexpr const char* kBearer = "OAUTHBEARER";

// Every combination of what the legs may be.
std::vector<AuthLegs> all_legs() {
  std::vector<AuthLegs> legs;
  for (unsigned bits = 0; bits < 16; ++bits) {
    legs.push_back({.client_tls = (bits & 1) != 0,
                    .client_local = (bits & 2) != 0,
                    .server_tls = (bits & 4) != 0,
                    .ask_password = (bits & 8) != 0});
  }
  return legs;
}

std::string in_words(const AuthLegs& legs) {
  return std::string(legs.client_tls ? "client TLS" : "client plain") +
         (legs.client_local ? ", local" : "") + (legs.server_tls ? ", server TLS" : "") +
         (legs.ask_password ? ", asks the password" : "");
}

TEST_CASE("the list of mechanisms on every combination of legs", "[auth_relay]") {
  struct Case {
    Names offered;
    Names on_plain_leg;
    bool binds;     // something in it does
    bool mediable;  // where the listener says so
  };
  const std::vector<Case> cases{
      {{kPlus, kPlain}, {kPlain}, true, true},
      {{kPlain, kPlus}, {kPlain}, true, true},
      {{kPlus, kPlain, kBearer}, {kPlain, kBearer}, true, true},
      {{kPlus, kBearer}, {kBearer}, true, false},
      {{kPlus}, {kPlus}, true, false},
      {{kPlain}, {kPlain}, false, false},
      {{kPlain, kBearer}, {kPlain, kBearer}, false, false},
      {{}, {}, false, false},
  };
  for (const AuthLegs& legs : all_legs()) {
    for (const Case& c : cases) {
      INFO(in_words(legs) << ", " << c.offered.size() << " mechanisms");
      LoginRig rig(legs);
      rig.server(be::authentication_sasl(c.offered));
      const bool asked = legs.client_tls && legs.ask_password && c.mediable;
      CHECK(rig.to_client ==
            (asked ? be::authentication_cleartext()
                   : be::authentication_sasl(legs.client_tls ? c.offered : c.on_plain_leg)));
      CHECK(rig.relay.binding_offered_over_tls() == (legs.client_tls && c.binds && !asked));
      CHECK_FALSE(rig.refused());
      CHECK_FALSE(rig.relay.over());
      CHECK(rig.to_server.empty());
    }
  }
}

TEST_CASE("a list that cannot be read passes as it is", "[auth_relay]") {
  for (const std::string& body :
       {u32(10) + z(kPlus), u32(10) + kPlus, u32(10), u32(10) + z(kPlus) + z(kPlain)}) {
    for (const AuthLegs& legs : all_legs()) {
      LoginRig rig(legs);
      rig.server(message('R', body));
      CHECK(rig.to_client == message('R', body));
      CHECK_FALSE(rig.refused());
    }
  }
}

TEST_CASE("a password in clear text is asked for on no plain leg that TLS follows",
          "[auth_relay]") {
  for (const AuthLegs& legs : all_legs()) {
    INFO(in_words(legs));
    LoginRig rig(legs);
    rig.server(be::notice("before") + be::authentication_cleartext());
    const bool refused = legs.server_tls && !legs.client_tls && !legs.client_local;
    CHECK(rig.to_client == be::notice("before") + (refused ? "" : be::authentication_cleartext()));
    CHECK(rig.refusal == (refused ? "28000 the server asks for the password in clear text, and "
                                    "this connection to the proxy is not encrypted\n"
                                    "Connect to the proxy with sslmode=require."
                                  : ""));
    rig.client(fe::password("secret"));
    CHECK(rig.to_server == (refused ? Names{} : Names{fe::password("secret")}));
  }
}

TEST_CASE("requests that are not for Parallax pass on every combination of legs", "[auth_relay]") {
  for (const AuthLegs& legs : all_legs()) {
    INFO(in_words(legs));
    LoginRig rig(legs);
    std::string sent = message('R', u32(5) + "salt");  // md5
    for (const std::uint32_t code : {2u, 6u, 7u, 8u, 9u, 11u, 12u, 13u, 0xffffffffu}) {
      sent += message('R', u32(code) + "data");
    }
    sent += message('R', "") + message('R', "R\0\0");  // without a code
    rig.server(sent);
    rig.client(fe::password("md5d41d8cd98f00b204e9800998ecf8427e"));
    CHECK(rig.to_client == sent);
    CHECK(rig.to_server == Names{fe::password("md5d41d8cd98f00b204e9800998ecf8427e")});
    CHECK_FALSE(rig.relay.over());
    rig.server(be::session_start());
    CHECK(rig.to_client == sent + be::session_start());
    CHECK(rig.relay.over());
  }
}

struct Binding {
  const char* what;
  AuthLegs legs;
  Names offered;
  std::string answer;  // the client's
  std::string error;   // the server's SQLSTATE
  bool failed;
};

TEST_CASE("a refusal because of channel binding is told from others", "[auth_relay]") {
  const AuthLegs tls{.client_tls = true, .server_tls = true};
  const AuthLegs plain{.server_tls = true};
  const Names both{kPlus, kPlain};
  const std::string binds = sasl_first(kPlus, "p=tls-server-end-point,,n=,r=x");
  const std::string would = sasl_first(kPlain, "y,,n=,r=x");
  const std::string cannot = sasl_first(kPlain, "n,,n=,r=x");
  for (const Binding& c : std::vector<Binding>{
           {"bound to another certificate", tls, both, binds, "28000", true},
           {"could have bound", tls, both, would, "28000", true},
           {"cannot bind", tls, both, cannot, "28000", false},
           {"only PLUS", tls, {kPlus}, binds, "28000", true},
           {"a wrong password, bound", tls, both, binds, "28P01", false},
           {"a wrong password, y", tls, both, would, "28P01", false},
           {"a wrong password, n", tls, both, cannot, "28P01", false},
           {"out of connections", tls, both, binds, "53300", false},
           {"no SQLSTATE", tls, both, binds, "", false},
           {"not offered", tls, {kPlain}, would, "28000", false},
           {"taken off the list", plain, both, would, "28000", true},
           {"taken off, forced", plain, both, binds, "28000", true},
           {"an answer of no sense", tls, both, message('p', "y,,"), "28000", false},
           {"md5", tls, {}, fe::password("y,"), "28000", false},
       }) {
    INFO(c.what);
    LoginRig rig(c.legs);
    rig.server(be::authentication_sasl(c.offered));
    rig.client(c.answer);
    const auto error = c.error.empty() ? message('E', z("Mno code") + '\0')
                                       : be::error(c.error, "refused", "FATAL");
    rig.to_client.clear();
    rig.server(error);
    CHECK(rig.relay.binding_failed() == c.failed);
    CHECK(rig.errors == Names{c.error});
    CHECK(rig.to_client == error);
    CHECK(rig.to_server == Names{c.answer});
    CHECK_FALSE(rig.refused());
    CHECK_FALSE(rig.relay.over());
  }
}

TEST_CASE("a client that binds in its second message still counts", "[auth_relay]") {
  LoginRig rig({.client_tls = true, .server_tls = true});
  rig.server(be::authentication_sasl({kPlus, kPlain}));
  rig.client(message('p', "c=biws,r=x,p=y"));  // no first answer at all
  rig.client(sasl_first(kPlus, "p=tls-server-end-point,,n=,r=x"));
  rig.client(message('p', "c=biws,r=x,p=y"));
  rig.server(be::error("28000", "SCRAM channel binding check failed", "FATAL"));
  CHECK(rig.relay.binding_failed());
}

// A whole login as a server with TLS and a client on a plain leg have it.
struct Login {
  std::string offer;
  std::string shown;
  std::string first;
  std::string challenge;
  std::string last;
  std::string end;
};
Login whole_login() {
  return {.offer = be::negotiate_protocol_version(3 << 16, {"_pq_.x"}) + be::notice("hello") +
                   be::authentication_sasl({kPlus, kPlain}),
          .shown = be::negotiate_protocol_version(3 << 16, {"_pq_.x"}) + be::notice("hello") +
                   be::authentication_sasl({kPlain}),
          .first = sasl_first(kPlain, "n,,n=,r=client"),
          .challenge = be::notice("still here") +
                       be::authentication_sasl_continue("r=client+server,s=c2FsdA==,i=4096"),
          .last = message('p', "c=biws,r=client+server,p=cHJvb2Y="),
          .end = be::authentication_sasl_final("v=c2ln") + be::session_start() + "S\0\0"};
}

// Each piece of the login cut once, at `cut`, or into pieces of `piece`.
void check_login(std::size_t cut, std::size_t piece) {
  const Login login = whole_login();
  LoginRig rig({.server_tls = true});
  const auto cut_up = [&](const std::string& data, auto feed) {
    feed(data.substr(0, cut));
    if (cut < data.size()) feed(data.substr(cut));
  };
  const auto server = [&](const std::string& data) { rig.server(data, piece); };
  const auto client = [&](const std::string& data) { rig.client(data, piece); };
  cut_up(login.offer, server);
  cut_up(login.first, client);
  cut_up(login.challenge, server);
  cut_up(login.last, client);
  REQUIRE_FALSE(rig.relay.over());
  cut_up(login.end, server);
  REQUIRE(rig.relay.over());
  REQUIRE(rig.to_client == login.shown + login.challenge + login.end);
  REQUIRE(rig.to_server == Names{login.first, login.last});
  REQUIRE(rig.relay.take_client_rest().empty());
  REQUIRE(rig.errors.empty());
  REQUIRE_FALSE(rig.refused());
}

TEST_CASE("every split gives the same bytes, and the same writes to the server", "[auth_relay]") {
  const Login login = whole_login();
  const std::size_t longest =
      std::max({login.offer.size(), login.first.size(), login.challenge.size(), login.last.size(),
                login.end.size()});
  for (std::size_t cut = 0; cut <= longest; ++cut) check_login(cut, std::string_view::npos);
  for (std::size_t piece = 1; piece < 40; ++piece) check_login(std::string::npos, piece);
}

TEST_CASE("two messages of the client in one chunk are two writes", "[auth_relay]") {
  LoginRig rig;
  rig.client(fe::password("one") + fe::password("two") + fe::query("select 1"));
  CHECK(rig.to_server == Names{fe::password("one"), fe::password("two"), fe::query("select 1")});
}

TEST_CASE("a client that does not wait: whole messages pass, the rest is kept", "[auth_relay]") {
  const std::string query = fe::query("select 1");
  for (std::size_t cut = 1; cut < query.size(); ++cut) {
    LoginRig rig;
    rig.client(fe::password("secret") + fe::parse("", "select 2") + query.substr(0, cut));
    rig.server(be::session_start());
    CHECK(rig.to_server == Names{fe::password("secret"), fe::parse("", "select 2")});
    REQUIRE(rig.relay.over());
    CHECK(protocol::as_text(rig.relay.take_client_rest()) == query.substr(0, cut));
    CHECK(rig.relay.take_client_rest().empty());
  }
}

TEST_CASE("an error of protocol 2 passes raw, and so does what follows", "[auth_relay]") {
  const std::string error = "EFATAL:  unsupported frontend protocol 2.0\n" + std::string(1, '\0');
  for (const AuthLegs& legs : all_legs()) {
    for (std::size_t piece = 1; piece <= error.size(); ++piece) {
      LoginRig rig(legs);
      rig.server(be::notice("x") + error, piece);
      CHECK(rig.to_client == be::notice("x") + error);
      CHECK(rig.relay.over());
      CHECK(rig.errors.empty());
    }
  }
}

TEST_CASE("a client that speaks no messages is the server's to judge", "[auth_relay]") {
  for (std::size_t piece = 1; piece < 20; ++piece) {
    LoginRig rig;
    const std::string nonsense = 'p' + u32(3) + std::string(100, 'x');
    rig.client(fe::password("secret"));
    rig.client(nonsense, piece);
    std::string sent;
    for (const auto& write : rig.to_server) sent += write;
    CHECK(sent == fe::password("secret") + nonsense);
  }
}

TEST_CASE("the longest message that a server reads passes in one write", "[auth_relay]") {
  for (const std::size_t length : {std::size_t{65'535}, std::size_t{65'536}}) {
    LoginRig rig;
    const std::string password = message('p', std::string(length, 'x'));
    rig.client(password, 8192);
    const bool whole = password.size() <= AuthFramer::kMessageBytesMax;
    CHECK((rig.to_server == Names{password}) == whole);
    std::string sent;
    for (const auto& write : rig.to_server) sent += write;
    CHECK(sent == password);
  }
}

}  // namespace
}  // namespace parallax::proxy
