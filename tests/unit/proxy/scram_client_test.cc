#include "proxy/scram_client.h"

#include <catch2/catch.hpp>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/scram_server.h"

namespace parallax::proxy {
namespace {

using test::ScramServer;

// How an exchange ends: empty when both sides are content, otherwise who is not.
std::string exchange(ScramClient& client, ScramServer& server) {
  const auto client_first = client.step({});
  if (!client_first) return "client at first: " + client.error();
  const auto client_final = client.step(server.first(*client_first));
  if (!client_final) return "client at final: " + client.error();
  const std::string server_final = server.last(*client_final);
  if (server_final.empty()) return "server";
  const auto last = client.step(server_final);
  if (!last) return "client at the end: " + client.error();
  if (!client.done()) return "client: not done";
  return *last;
}

std::string exchange(const std::string& password, ScramServer::Secret secret) {
  ScramClient client(password);
  ScramServer server(std::move(secret));
  return exchange(client, server);
}

TEST_CASE("the server of the tests gives RFC 7677's example", "[scram]") {
  ScramServer server({.password = "pencil",
                      .salt = test::from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="),
                      .iterations = "4096",
                      .nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"});
  CHECK(server.first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO") ==
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  const std::string nonce = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=";
  CHECK(server.last(nonce + "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=") ==
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  CHECK(server.last(nonce + "eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").empty());
}

TEST_CASE("the first message binds no channel and has a new nonce each time", "[scram]") {
  std::set<std::string> nonces;
  for (int i = 0; i < 20; ++i) {
    ScramClient client("pencil");
    const auto first = client.step({});
    REQUIRE(first);
    CHECK(first->starts_with("n,,n="));
    const std::string nonce = test::scram_attribute(*first, 'r');
    CHECK(nonce.size() >= 18);
    CHECK(nonces.insert(nonce).second);
    CHECK_FALSE(client.done());
  }
}

TEST_CASE("client and server agree on a password and on nothing else", "[scram]") {
  CHECK(exchange("pencil", {.password = "pencil"}).empty());
  CHECK(exchange("pencil", {.password = "Pencil"}) == "server");
  CHECK(exchange("", {.password = ""}).empty());
  CHECK(exchange("pencil ", {.password = "pencil"}) == "server");
  const std::string longest(65'000, 'x');
  CHECK(exchange(longest, {.password = longest}).empty());
  CHECK(exchange("a,b=c", {.password = "a,b=c"}).empty());
  CHECK(exchange("pencil", {.password = "pencil", .salt = std::string("\0\xff\0", 3)}).empty());
}

// SASLprep (RFC 4013) as PostgreSQL does it: pg_saslprep() of saslprep.c.
TEST_CASE("passwords are prepared as the server prepares them", "[scram]") {
  struct Case {
    const char* what;
    std::string given;
    std::string used;
  };
  const std::vector<Case> cases{
      {"ASCII", "pencil", "pencil"},
      {"control characters", "pen\x01\x7f", "pen\x01\x7f"},
      {"composed", "caf\u00e9", "caf\u00e9"},
      {"decomposed", "cafe\u0301", "caf\u00e9"},
      {"a ligature", "\ufb01sh", "fish"},
      {"a space of another kind", "a\u00a0b", "a b"},
      {"what is mapped to nothing", "I\u00adX", "IX"},
      {"roman nine", "\u2168", "IX"},
      {"prohibited: as it is", "a\u0007\u00e9\ufb01", "a\u0007\u00e9\ufb01"},
      {"both directions: as it is", "\u0627\u0031\ufb01", "\u0627\u0031\ufb01"},
      {"right to left", "\u0627\u0031\u0628", "\u0627\u0031\u0628"},
      {"unassigned in Unicode 3.2: as it is", "\U0001f600", "\U0001f600"},
      {"unassigned beside what could be prepared: all as it is", "\ufb01\U0001f600",
       "\ufb01\U0001f600"},
      {"nothing would be left: as it is", "\u00ad", "\u00ad"},
      {"no UTF-8: as it is", "caf\xe9", "caf\xe9"},
      {"cut UTF-8: as it is", "\ufb01\xe2\x82", "\ufb01\xe2\x82"},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    CHECK(exchange(c.given, {.password = c.used, .iterations = "1"}).empty());
  }
}

TEST_CASE("a server that does not know the password is found out", "[scram]") {
  for (const char* final : {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "v=", "v=%%%", "",
                            "e=other-error", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="}) {
    INFO(final);
    ScramClient client("pencil");
    ScramServer server({.password = "pencil"});
    const auto client_final = client.step(server.first(client.step({}).value()));
    REQUIRE(client_final);
    CHECK_FALSE(client.step(final));
    CHECK_FALSE(client.done());
    CHECK_FALSE(client.error().empty());
    // It stays at that.
    CHECK_FALSE(client.step(server.last(*client_final)));
    CHECK_FALSE(client.done());
  }
}

TEST_CASE("a server's first message that makes no sense ends the exchange", "[scram]") {
  const auto answer = [](const std::function<std::string(const std::string&)>& server_first) {
    ScramClient client("pencil");
    const std::string nonce = test::scram_attribute(client.step({}).value(), 'r');
    const auto client_final = client.step(server_first(nonce));
    CHECK(client.error().empty() == client_final.has_value());
    CHECK_FALSE(client.done());
    return client_final.has_value();
  };
  const auto with = [&](const std::string& rest) {
    INFO(rest);
    return answer([&](const std::string& nonce) { return "r=" + nonce + rest; });
  };
  CHECK(with("x,s=QSXCR+Q6sek8bf92,i=4096"));
  CHECK_FALSE(answer([](const std::string&) { return "r=other,s=QSXCR+Q6sek8bf92,i=4096"; }));
  CHECK_FALSE(answer([](const std::string&) { return ""; }));
  CHECK_FALSE(answer([](const std::string& nonce) {
    return "m=what,r=" + nonce + "x,s=QSXCR+Q6sek8bf92,i=4096";  // an extension that must be known
  }));
  for (const char* rest : {"x", "x,s=QSXCR+Q6sek8bf92", "x,i=4096", "x,s=,i=4096", "x,s=***,i=4096",
                           "x,i=4096,s=QSXCR+Q6sek8bf92", "x,s=QSXCR+Q6sek8bf92,i="}) {
    CHECK_FALSE(with(rest));
  }
}

TEST_CASE("iterations are counted from 1 to 200,000", "[scram]") {
  for (const char* iterations : {"1", "2", "4096", "200000"}) {
    INFO(iterations);
    CHECK(exchange("pencil", {.password = "pencil", .iterations = iterations}).empty());
  }
  for (const char* iterations :
       {"0", "-1", "200001", "2147483648", "4294967297", "99999999999999999999", "x", " 1"}) {
    INFO(iterations);
    CHECK(exchange("pencil", {.password = "pencil", .iterations = iterations})
              .starts_with("client at final: "));
  }
}

}  // namespace
}  // namespace parallax::proxy
