#include "proxy/tls_contexts.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/tls_peer.h"

namespace parallax::proxy {
namespace {

using test::CertificateFiles;

ListenerConfig listener(const CertificateFiles& files) {
  ListenerConfig made;
  made.tls = {.mode = TlsMode::allow,
              .certificate_file = files.certificate(),
              .key_file = files.key_file(),
              .mark = {"f.yaml", 4, 6}};
  made.upstream_mark = {"f.yaml", 2, 11};
  return made;
}

Config with(std::vector<ListenerConfig> listeners) {
  Config config;
  config.listeners = std::move(listeners);
  return config;
}

// All problems, each on a line.
std::string problems(TlsContexts& contexts, const Config& config) {
  std::string out;
  for (const auto& problem : contexts.load(config)) out += problem.text() + '\n';
  return out;
}
std::string problems(const ListenerConfig& one) {
  TlsContexts contexts;
  return problems(contexts, with({one}));
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

void write_key(const std::string& path, EVP_PKEY* key, const char* password) {
  const std::unique_ptr<FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "w"),
                                                           std::fclose);
  PEM_write_PrivateKey(file.get(), key, password == nullptr ? nullptr : EVP_aes_256_cbc(), nullptr,
                       0, nullptr, const_cast<char*>(password));
}
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
Key read_key(const std::string& path) {
  const std::unique_ptr<FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "r"),
                                                           std::fclose);
  return {PEM_read_PrivateKey(file.get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
}

TEST_CASE("a leg without TLS has no context", "[tls_contexts]") {
  TlsContexts contexts;
  CHECK(contexts.load(with({ListenerConfig{}})).empty());
  CHECK(contexts.of_listener(0) == nullptr);
  CHECK(contexts.of_upstream(0) == nullptr);
  CHECK_FALSE(contexts.expires_at(0));
}

TEST_CASE("each leg has the context of its own listener", "[tls_contexts]") {
  const CertificateFiles files("DNS:localhost");
  auto both = listener(files);
  both.upstream_tls =
      io::TlsClientOptions{.host = "db.example", .authority_file = files.certificate()};
  ListenerConfig own;
  own.tls.mode = TlsMode::require;
  ListenerConfig plain = listener(files);
  plain.tls.mode = TlsMode::disable;
  TlsContexts contexts;
  REQUIRE(problems(contexts, with({both, own, plain})).empty());
  CHECK(contexts.of_listener(0) != nullptr);
  CHECK(contexts.of_upstream(0) != nullptr);
  CHECK(contexts.of_listener(1) != nullptr);
  CHECK(contexts.of_upstream(1) == nullptr);
  CHECK(contexts.of_listener(2) == nullptr);
  const auto now = static_cast<double>(std::time(nullptr));
  CHECK(contexts.expires_at(0).value() == Approx(now + 3600).margin(60));
  CHECK(contexts.expires_at(1).value() == Approx(now + 365 * 24 * 3600).margin(60));
  CHECK_FALSE(contexts.expires_at(2));
}

TEST_CASE("files of a listener that cannot be used are named", "[tls_contexts]") {
  const CertificateFiles files("DNS:localhost");
  const CertificateFiles other("DNS:localhost");
  const std::string at = "f.yaml:4:6: `tls`: ";
  CHECK(problems(listener(files)).empty());

  auto one = listener(files);
  one.tls.certificate_file = "/none/server.crt";
  CHECK(problems(one) ==
        at + "cannot read the certificate /none/server.crt: No such file or directory\n");
  one = listener(files);
  one.tls.key_file = "/none/server.key";
  CHECK(problems(one) == at + "cannot read the key /none/server.key (an encrypted one is not "
                              "possible): No such file or directory\n");
  one.tls.key_file = other.key_file();
  CHECK(problems(one) == at + "the key " + other.key_file() +
                             " does not belong to the certificate " + files.certificate() + '\n');
  one = listener(files);
  one.tls.certificate_file = files.key_file();
  CHECK(problems(one).starts_with(at + "cannot read the certificate " + files.key_file() + ": "));
  ::chmod(files.key_file().c_str(), 0604);
  CHECK(problems(listener(files)) ==
        at + "the key " + files.key_file() + " can be read by others: chmod 0600\n");
}

TEST_CASE("a key of another kind than the certificate's does not belong to it", "[tls_contexts]") {
  const CertificateFiles files("DNS:localhost");  // P-256
  write_key(files.key_file(), Key(EVP_RSA_gen(2048), EVP_PKEY_free).get(), nullptr);
  CHECK(problems(listener(files)) == "f.yaml:4:6: `tls`: the key " + files.key_file() +
                                         " does not belong to the certificate " +
                                         files.certificate() + '\n');
}

TEST_CASE("keys that cannot be read: encrypted, cut, empty", "[tls_contexts]") {
  const CertificateFiles files("DNS:localhost");
  const std::string unreadable = "f.yaml:4:6: `tls`: cannot read the key " + files.key_file() +
                                 " (an encrypted one is not possible): ";
  const Key key = read_key(files.key_file());
  write_key(files.key_file(), key.get(), "secret");
  CHECK(problems(listener(files)).starts_with(unreadable));
  for (const char* text : {"", "-----BEGIN PRIVATE KEY-----\nMIG", "no PEM"}) {
    write(files.key_file(), text);
    CHECK(problems(listener(files)).starts_with(unreadable));
  }
  write_key(files.key_file(), key.get(), nullptr);
  CHECK(problems(listener(files)).empty());
}

TEST_CASE("files of an upstream that cannot be used are named", "[tls_contexts]") {
  const CertificateFiles files("DNS:db.example");
  const CertificateFiles other("DNS:db.example");
  const std::string at = "f.yaml:2:11: `upstream`: ";
  const auto upstream = [&](io::TlsClientOptions options) {
    ListenerConfig one;
    one.upstream_mark = {"f.yaml", 2, 11};
    one.upstream_tls = std::move(options);
    return problems(one);
  };
  CHECK(upstream({.host = "db.example", .authority_file = files.certificate()}).empty());
  CHECK(upstream({.host = "db.example", .authority_file = "system"}).empty());
  CHECK(upstream({.host = "db.example"}).empty());
  CHECK(upstream({.verify = io::TlsVerify::none, .host = "db.example"}).empty());
  CHECK(upstream({.host = "db.example",
                  .authority_file = files.certificate(),
                  .certificate_file = files.certificate(),
                  .key_file = files.key_file()})
            .empty());
  CHECK(upstream({.host = "db.example", .authority_file = "/none/ca.pem"}) ==
        at + "cannot read the certificate authorities /none/ca.pem: No such file or directory\n");
  CHECK(upstream({.host = "db.example", .authority_file = files.key_file()})
            .starts_with(at + "cannot read the certificate authorities " + files.key_file()));
  CHECK(upstream({.verify = io::TlsVerify::none,
                  .host = "db.example",
                  .certificate_file = files.certificate(),
                  .key_file = other.key_file()}) == at + "the key " + other.key_file() +
                                                        " does not belong to the certificate " +
                                                        files.certificate() + '\n');
}

TEST_CASE("all problems of all listeners are told at once", "[tls_contexts]") {
  const CertificateFiles files("DNS:localhost");
  auto first = listener(files);
  first.tls.key_file = "/none/1.key";
  first.upstream_tls = io::TlsClientOptions{.host = "db.example", .authority_file = "/none/2.pem"};
  auto second = listener(files);
  auto third = listener(files);
  third.tls.certificate_file = "/none/3.crt";
  TlsContexts contexts;
  const std::string told = problems(contexts, with({first, second, third}));
  for (const char* name : {"/none/1.key", "/none/2.pem", "/none/3.crt"}) {
    CHECK(told.find(name) != std::string::npos);
  }
  CHECK(std::count(told.begin(), told.end(), '\n') == 3);
}

TEST_CASE("reading again takes what is new", "[tls_contexts]") {
  const CertificateFiles files("DNS:localhost");
  const CertificateFiles newer("DNS:localhost");
  ListenerConfig own;
  own.tls.mode = TlsMode::allow;
  const Config config = with({listener(files), own});
  TlsContexts contexts;
  REQUIRE(problems(contexts, config).empty());
  const auto before = contexts.of_listener(0);
  const auto own_before = contexts.of_listener(1);
  std::ifstream certificate(newer.certificate());
  write(files.certificate(), std::string(std::istreambuf_iterator<char>(certificate), {}));
  write_key(files.key_file(), read_key(newer.key_file()).get(), nullptr);
  REQUIRE(problems(contexts, config).empty());
  CHECK(contexts.of_listener(0) != before);
  CHECK(contexts.of_listener(0) != nullptr);
  // A certificate of its own making is not made again: clients may have noted it.
  CHECK(contexts.of_listener(1) == own_before);
}

TEST_CASE("reading again changes nothing where anything is wrong", "[tls_contexts]") {
  const CertificateFiles files("DNS:localhost");
  const CertificateFiles other("DNS:localhost");
  auto first = listener(files);
  first.upstream_tls =
      io::TlsClientOptions{.host = "db.example", .authority_file = other.certificate()};
  const Config config = with({first, listener(other)});
  TlsContexts contexts;
  REQUIRE(problems(contexts, config).empty());
  const auto before = contexts.of_listener(0);
  const auto upstream_before = contexts.of_upstream(0);
  const auto second_before = contexts.of_listener(1);
  const Key key = read_key(other.key_file());
  write(other.key_file(), "half written");
  CHECK_FALSE(problems(contexts, config).empty());
  CHECK(contexts.of_listener(0) == before);
  CHECK(contexts.of_upstream(0) == upstream_before);
  CHECK(contexts.of_listener(1) == second_before);
  CHECK(contexts.expires_at(1));
  // And the next time it may be right again.
  write_key(other.key_file(), key.get(), nullptr);
  CHECK(problems(contexts, config).empty());
  CHECK(contexts.of_listener(0) != before);
}

}  // namespace
}  // namespace parallax::proxy
