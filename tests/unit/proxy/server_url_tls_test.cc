// What the upstream's URL says of TLS, for Parallax's own connections and for the shadow's.

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "proxy/server_url.h"

namespace parallax::proxy {
namespace {

using io::TlsVerify;

ServerParts parts_of(const std::string& url, UrlUse use = UrlUse::upstream) {
  const auto read = read_server_url(url, use);
  INFO(url);
  CHECK(read.problems.empty());
  return read.parts;
}

TEST_CASE("sslmode, given or not, says how a server is checked", "[server_url]") {
  struct Case {
    const char* url;
    std::optional<TlsVerify> verify;  // nothing: no TLS
    const char* authority = "";
  };
  for (const Case& c : std::vector<Case>{
           {"postgresql://127.0.0.1", std::nullopt},
           {"postgresql://127.9.9.9", std::nullopt},
           {"postgresql://localhost", std::nullopt},
           {"postgresql://LocalHost", std::nullopt},
           {"postgresql://[::1]", std::nullopt},
           {"host=/run/postgresql", std::nullopt},
           {"postgresql://db.example", TlsVerify::certificate},
           {"postgresql://10.0.0.1", TlsVerify::certificate},
           {"postgresql://[2001:db8::1]", TlsVerify::certificate},
           {"postgresql://localhost.example", TlsVerify::certificate},
           {"postgresql://db.example?sslmode=disable", std::nullopt},
           {"postgresql://db.example?sslmode=disable&sslrootcert=/ca.pem", std::nullopt},
           {"postgresql://127.0.0.1?sslmode=verify-full", TlsVerify::certificate},
           {"postgresql://127.0.0.1?sslmode=require", TlsVerify::none},
           {"postgresql://db.example?sslmode=require", TlsVerify::none},
           {"postgresql://db.example?sslmode=require&sslrootcert=/ca.pem", TlsVerify::authority,
            "/ca.pem"},
           {"postgresql://db.example?sslmode=require&sslrootcert=system", TlsVerify::authority,
            "system"},
           {"postgresql://db.example?sslmode=verify-ca", TlsVerify::authority},
           {"postgresql://db.example?sslmode=verify-ca&sslrootcert=ca.pem", TlsVerify::authority,
            "ca.pem"},
           {"postgresql://db.example?sslrootcert=system", TlsVerify::certificate, "system"},
           {"host=db.example sslrootcert='/a b.pem'", TlsVerify::certificate, "/a b.pem"},
       }) {
    INFO(c.url);
    const auto options = tls_options(parts_of(c.url));
    REQUIRE(options.has_value() == c.verify.has_value());
    if (!options) continue;
    CHECK(options->verify == *c.verify);
    CHECK(options->authority_file == c.authority);
    CHECK(options->certificate_file.empty());
    CHECK(options->key_file.empty());
  }
}

TEST_CASE("the name that is dialled is the name that is checked", "[server_url]") {
  CHECK(tls_options(parts_of("postgresql://DB.example:6543/shop"))->host == "DB.example");
  CHECK(tls_options(parts_of("postgresql://[2001:db8::1]"))->host == "2001:db8::1");
}

TEST_CASE("a certificate of our own has two files", "[server_url]") {
  const auto options =
      tls_options(parts_of("postgresql://h/d?sslmode=require&sslcert=/c.crt&sslkey=/c.key"));
  CHECK(options->certificate_file == "/c.crt");
  CHECK(options->key_file == "/c.key");
  CHECK(options->verify == TlsVerify::none);
  for (const char* url : {"postgresql://h/d?sslcert=/c.crt", "postgresql://h/d?sslkey=/c.key"}) {
    for (const UrlUse use : {UrlUse::upstream, UrlUse::shadow}) {
      CHECK(read_server_url(url, use).problems ==
            std::vector<std::string>{"write `sslcert` and `sslkey` together"});
    }
  }
}

TEST_CASE("modes that fall back, or are none, are refused", "[server_url]") {
  for (const UrlUse use : {UrlUse::upstream, UrlUse::shadow}) {
    for (const char* mode : {"allow", "prefer", "verify_full", "REQUIRE", "1"}) {
      INFO(mode);
      const auto problems =
          read_server_url(std::string("postgresql://h/d?sslmode=") + mode, use).problems;
      REQUIRE(problems.size() == 1);
      const bool falls_back = problems[0].find("in silence") != std::string::npos;
      CHECK(falls_back == (mode == std::string("allow") || mode == std::string("prefer")));
      CHECK(problems[0].starts_with(
          "write `sslmode=` disable, require, verify-ca or verify-full, not `"));
    }
    CHECK(read_server_url("host=/run/pg sslmode=disable", use).problems.empty());
    for (const char* mode : {"require", "verify-ca", "verify-full"}) {
      CHECK(read_server_url(std::string("host=/run/pg sslmode=") + mode, use).problems ==
            std::vector<std::string>{
                "PostgreSQL has no TLS on Unix sockets: write `sslmode=disable`, not `" +
                std::string(mode) + '`'});
    }
  }
}

TEST_CASE("the shadow's TLS goes with its host, and is no weaker", "[server_url]") {
  constexpr const char* kSystem = "/etc/ssl/certs/ca-certificates.crt";
  struct Case {
    const char* upstream;
    const char* shadow;
    const char* mode;
    const char* authority;
    const char* certificate;
  };
  for (const Case& c : std::vector<Case>{
           {"postgresql://h", "", "verify-full", kSystem, ""},
           {"postgresql://h?sslrootcert=system", "", "verify-full", kSystem, ""},
           {"postgresql://h?sslrootcert=/ca.pem", "", "verify-full", "/ca.pem", ""},
           {"postgresql://h?sslmode=verify-ca", "", "verify-ca", kSystem, ""},
           {"postgresql://h?sslmode=require", "", "require", "", ""},
           // libpq 15 would look for a file of this name, and check nothing where there is none.
           {"postgresql://h?sslmode=require&sslrootcert=system", "", "require", kSystem, ""},
           {"postgresql://h?sslmode=disable", "", "disable", "", ""},
           {"postgresql://h?sslcert=/c&sslkey=/k", "", "verify-full", kSystem, "/c"},
           {"postgresql://h?sslrootcert=/ca.pem", "user=ro", "verify-full", "/ca.pem", ""},
           {"postgresql://h?sslmode=disable", "host=other", "verify-full", kSystem, ""},
           {"postgresql://h?sslrootcert=/ca.pem&sslcert=/c&sslkey=/k", "host=other", "verify-full",
            kSystem, ""},
           {"postgresql://h?sslrootcert=/ca.pem", "host=127.0.0.1", "disable", "", ""},
           {"postgresql://127.0.0.1", "host=other sslmode=require", "require", "", ""},
           {"postgresql://127.0.0.1", "sslmode=require sslrootcert=system", "require", kSystem, ""},
       }) {
    INFO(c.upstream << " | " << c.shadow);
    auto parts = shadow_parts(parts_of(c.upstream), parts_of(c.shadow, UrlUse::shadow));
    CHECK(parts["sslmode"] == c.mode);
    CHECK(parts["sslrootcert"] == c.authority);
    CHECK(parts["sslcert"] == c.certificate);
  }
}

}  // namespace
}  // namespace parallax::proxy
