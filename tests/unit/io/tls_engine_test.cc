#include "proxy/io/tls_engine.h"

#include <array>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "proxy/io/tls_context.h"
#include "tests/support/seed.h"
#include "tests/support/tls_peer.h"

namespace parallax::io {
namespace {

using test::CertificateFiles;
using test::TlsPeer;
using Context = std::shared_ptr<const TlsContext>;
using Status = TlsEngine::Status;

Context made(TlsContext::Made result) {
  if (const auto* problem = std::get_if<std::string>(&result)) FAIL(*problem);
  return std::get<Context>(std::move(result));
}

Context own_server() { return made(TlsContext::server({})); }
Context blind_client() {
  return made(TlsContext::client({.verify = TlsVerify::none, .host = "localhost"}));
}

std::string text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
Bytes bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// An engine as a peer feeds it.
struct Side {
  explicit Side(TlsEngine made_engine) : engine(std::move(made_engine)) {}

  void feed(std::string_view ciphertext) {
    Bytes input = bytes(ciphertext);
    do {
      if (!established) {
        last = engine.handshake(input, output);
        established = last == Status::done;
        if (last != Status::done) return;
      } else {
        std::size_t count = 0;
        last = engine.read(input, output, buffer, count);
        if (last == Status::done) records.push_back(text(Bytes(buffer).first(count)));
        if (last != Status::done) return;
      }
    } while (!input.empty());
  }
  std::string take() { return text(std::exchange(output, {})); }
  std::string received() const {
    std::string all;
    for (const auto& record : records) all += record;
    return all;
  }

  TlsEngine engine;
  TlsEngine::Output output;
  std::array<std::byte, kTlsRecordBytes> buffer{};
  std::vector<std::string> records;
  Status last = Status::needs_input;
  bool established = false;
};

template <typename One, typename Other>
void exchange_all(One& one, Other& other) {
  for (int i = 0; i < 20; ++i) {
    const auto there = one.take();
    if (!there.empty()) other.feed(there);
    const auto back = other.take();
    if (!back.empty()) one.feed(back);
    if (there.empty() && back.empty()) return;
  }
}

}  // namespace

TEST_CASE("two engines back to back, their ciphertext in pieces of any size") {
  std::mt19937_64 random(test::run_seed());
  const auto server_context = own_server();
  const auto client_context = blind_client();
  for (int round = 0; round < 20; ++round) {
    Side server(TlsEngine::server(server_context));
    Side client(TlsEngine::client(client_context));
    client.feed({});
    const std::size_t piece_max = round == 0 ? 1 : 1 + random() % 5000;
    const auto deliver = [&](Side& from, Side& to) {
      const auto all = from.take();
      for (std::size_t at = 0; at < all.size();) {
        const auto size = std::min<std::size_t>(all.size() - at, 1 + random() % piece_max);
        to.feed(std::string_view(all).substr(at, size));
        at += size;
      }
      return !all.empty();
    };
    while (deliver(client, server) || deliver(server, client)) {
    }
    REQUIRE(server.established);
    REQUIRE(client.established);
    std::string sent;
    for (int i = 0; i < 5; ++i) {
      const std::string chunk(random() % 40'000, static_cast<char>('a' + i));
      sent += chunk;
      REQUIRE(client.engine.write(bytes(chunk), client.output));
      REQUIRE(server.engine.write(bytes(chunk), server.output));
    }
    while (deliver(client, server) || deliver(server, client)) {
    }
    REQUIRE(server.received() == sent);
    REQUIRE(client.received() == sent);
    client.engine.shutdown(client.output);
    deliver(client, server);
    REQUIRE(server.last == Status::ended);
  }
}

TEST_CASE("each record of the peer is one read") {
  Side server(TlsEngine::server(own_server()));
  TlsPeer client(TlsPeer::Role::client);
  client.step();
  exchange_all(client, server);
  REQUIRE(server.established);
  for (const auto* words : {"one", "two", "three"}) client.write(words);
  server.feed(client.take());
  REQUIRE(server.records == std::vector<std::string>{"one", "two", "three"});
}

TEST_CASE("of application protocols postgresql alone is agreed to") {
  const auto context = own_server();
  for (const auto* name : {"postgresql", "http/1.1", ""}) {
    CAPTURE(name);
    Side server(TlsEngine::server(context));
    TlsPeer client(TlsPeer::Role::client);
    if (*name != '\0') client.offer_protocol(name);
    client.step();
    exchange_all(client, server);
    const bool foreign = std::string_view(name) == "http/1.1";
    REQUIRE(server.established == !foreign);
    REQUIRE(server.engine.protocol_agreed() == (std::string_view(name) == "postgresql"));
    if (foreign) {
      REQUIRE(server.engine.error() == "no application protocol");
      REQUIRE(client.failed);  // it got the alert
    }
  }
}

TEST_CASE("versions before TLS 1.2 are refused, 1.2 and 1.3 are not") {
  const auto context = own_server();
  for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Side server(TlsEngine::server(context));
    TlsPeer client(TlsPeer::Role::client);
    SSL_set_security_level(client.ssl(), 0);
    SSL_set_min_proto_version(client.ssl(), version);
    SSL_set_max_proto_version(client.ssl(), version);
    client.step();
    exchange_all(client, server);
    REQUIRE(server.established == (version != TLS1_1_VERSION));
  }
}

TEST_CASE("no tickets are given, and renegotiation is refused") {
  const auto context = own_server();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Side server(TlsEngine::server(context));
    TlsPeer client(TlsPeer::Role::client);
    SSL_set_max_proto_version(client.ssl(), version);
    client.step();
    exchange_all(client, server);
    REQUIRE(server.engine.write(bytes("x"), server.output));
    exchange_all(client, server);
    REQUIRE(client.received == "x");
    REQUIRE(SSL_SESSION_has_ticket(SSL_get_session(client.ssl())) == 0);
    if (version == TLS1_2_VERSION) {
      SSL_renegotiate(client.ssl());
      SSL_do_handshake(client.ssl());
      exchange_all(client, server);
      REQUIRE(SSL_renegotiate_pending(client.ssl()) == 1);  // it came to nothing
    }
  }
}

TEST_CASE("a key update in the middle of data, asked for and answered") {
  Side server(TlsEngine::server(own_server()));
  TlsPeer client(TlsPeer::Role::client);
  client.step();
  exchange_all(client, server);
  for (int i = 0; i < 10; ++i) {
    client.write("before");
    SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    client.write("after");
    REQUIRE(server.engine.write(bytes("answer"), server.output));
    exchange_all(client, server);
  }
  REQUIRE(server.received().size() == 10 * std::string("beforeafter").size());
  REQUIRE(client.received.size() == 10 * std::string("answer").size());
}

TEST_CASE("nonsense fails one connection with a reason and an alert, and no other") {
  const auto context = own_server();
  Side healthy(TlsEngine::server(context));
  TlsPeer client(TlsPeer::Role::client);
  client.step();
  exchange_all(client, healthy);
  for (int i = 0; i < 100; ++i) {
    Side server(TlsEngine::server(context));
    server.feed(i % 2 == 0 ? "GET / HTTP/1.1\r\n\r\n"
                           : std::string_view("\x16\x03\x01\x00\x05hello", 10));
    REQUIRE(server.last == Status::failed);
    REQUIRE_FALSE(server.engine.error().empty());
    client.write("still");
    healthy.feed(client.take());
    REQUIRE(healthy.last == Status::done);
  }
  auto damaged = [&] {
    client.write("damaged");
    auto record = client.take();
    record.back() = static_cast<char>(record.back() ^ 1);
    return record;
  }();
  healthy.feed(damaged);
  REQUIRE(healthy.last == Status::failed);
  REQUIRE_FALSE(healthy.take().empty());  // bad_record_mac
  REQUIRE_FALSE(healthy.engine.write(bytes("x"), healthy.output));
}

TEST_CASE("the server's certificate is checked as sslmode says") {
  const CertificateFiles files("DNS:db.example,IP:192.0.2.7");
  const CertificateFiles stranger("DNS:db.example");
  struct Case {
    TlsVerify verify;
    std::string host;
    bool known;  // its authority
    bool accepted;
  };
  for (const auto& one : {Case{TlsVerify::certificate, "db.example", true, true},
                          Case{TlsVerify::certificate, "192.0.2.7", true, true},
                          Case{TlsVerify::certificate, "other.example", true, false},
                          Case{TlsVerify::certificate, "192.0.2.8", true, false},
                          Case{TlsVerify::certificate, "db.example", false, false},
                          Case{TlsVerify::authority, "other.example", true, true},
                          Case{TlsVerify::authority, "db.example", false, false},
                          Case{TlsVerify::none, "other.example", false, true}}) {
    CAPTURE(one.host, one.known, static_cast<int>(one.verify));
    const auto& trusted = one.known ? files : stranger;
    Side client(TlsEngine::client(made(TlsContext::client(
        {.verify = one.verify, .host = one.host, .authority_file = trusted.certificate()}))));
    TlsPeer server(TlsPeer::Role::server, &files);
    client.feed({});
    exchange_all(client, server);
    REQUIRE(client.established == one.accepted);
    if (!one.accepted) REQUIRE(client.engine.error().find("certificate verify failed (") == 0);
    const char* name = SSL_get_servername(server.ssl(), TLSEXT_NAMETYPE_host_name);
    const bool numeric = one.host.starts_with("192");
    REQUIRE((name == nullptr ? "" : std::string(name)) == (numeric ? "" : one.host));
  }
}

TEST_CASE("files that cannot be used are named") {
  const CertificateFiles files("DNS:db.example");
  const CertificateFiles other("DNS:db.example");
  const auto problem = [](const std::string& certificate, const std::string& key) {
    const auto result = TlsContext::server({.certificate_file = certificate, .key_file = key});
    const auto* what = std::get_if<std::string>(&result);
    return what == nullptr ? "" : *what;
  };
  CHECK(problem(files.certificate(), files.key_file()).empty());
  CHECK(problem("/nowhere/a.crt", files.key_file()) ==
        "cannot read the certificate /nowhere/a.crt: No such file or directory");
  CHECK(problem(files.certificate(), other.key_file()) ==
        "the key " + other.key_file() + " does not belong to the certificate " +
            files.certificate());
  ::chmod(files.key_file().c_str(), 0644);
  CHECK(problem(files.certificate(), files.key_file()) ==
        "the key " + files.key_file() + " can be read by others: chmod 0600");
}

}  // namespace parallax::io
