// `listeners:`, `tls:`, `auth:`, and what a URL says of TLS.

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "proxy/config.h"
#include "tests/unit/proxy/config_support.h"

namespace parallax::proxy {
namespace {

struct Mistake {
  const char* name;
  std::string text;
  std::string answer;  // without the last line end
};

void check(const std::vector<Mistake>& mistakes) {
  const MemoryFiles files;
  for (const Mistake& mistake : mistakes) {
    INFO(mistake.name << "\n" << mistake.text);
    CHECK(files.problems(mistake.text) == mistake.answer + "\n");
  }
}

Config good(const std::string& text) {
  const MemoryFiles files;
  auto result = files.parse(text);
  INFO(text << files.problems(text));
  REQUIRE(std::holds_alternative<Config>(result));
  return std::get<Config>(std::move(result));
}

const std::string kUpstream = "upstream: postgresql://app:pw@127.0.0.1:5432/shop\n";
const std::string kHead = "listen: 127.0.0.1:6432\n" + kUpstream;  // two lines
std::string exposed(const std::string& rest) { return "listen: 0.0.0.0:6432\n" + kUpstream + rest; }

// Members of `listeners:`, each on a line; the first is line 2.
std::string listeners(const std::vector<std::string>& members) {
  std::string text = "listeners:\n";
  for (const auto& member : members) text += "  - {" + member + "}\n";
  return text;
}
const std::string kOne = "name: one, listen: '127.0.0.1:1', upstream: 'postgresql://u@h/d'";
const std::string kTwo = "name: two, listen: '127.0.0.1:2', upstream: 'postgresql://u@h/d'";

TEST_CASE("the keys at the top are one listener's, named default") {
  const auto one = good(kHead).listeners.at(0);
  CHECK(one.name == "default");
  CHECK(one.tls.mode == TlsMode::disable);
  CHECK(one.auth == AuthMode::passthrough);
  CHECK_FALSE(one.upstream_tls);
}

TEST_CASE("every key of a listener arrives at its place") {
  const auto config = good(R"(
listeners:
  - name: public.app-1_X
    listen: 0.0.0.0:6432
    upstream: postgresql://app:pw@db.example:6000/shop?sslrootcert=/ca.pem
    tls: {cert: certs/server.crt, key: /keys/server.key, mode: require}
    auth: password
  - {name: local, listen: '[::1]:6433', upstream: 'postgresql://db.example/shop', tls: {self_signed: true}}
  - {name: socket, listen: '/run/parallax:6434', upstream: 'host=/run/postgresql', tls: {mode: disable},
     auth: passthrough}
)");
  REQUIRE(config.listeners.size() == 3);
  const auto& first = config.listeners[0];
  CHECK(first.name == "public.app-1_X");
  CHECK(first.listen.host == "0.0.0.0");
  CHECK(first.listen.port == 6432);
  CHECK(first.tls.mode == TlsMode::require);
  CHECK(first.tls.certificate_file == "certs/server.crt");
  CHECK(first.tls.key_file == "/keys/server.key");
  CHECK(first.tls.mark.line == 6);
  CHECK(first.tls.mark.column == 10);
  CHECK(first.auth == AuthMode::password);
  CHECK(first.upstream.host == "db.example");
  CHECK(first.upstream.port == 6000);
  CHECK(first.upstream_url == "postgresql://app@db.example:6000/shop");
  CHECK(first.upstream_mark.line == 5);
  CHECK(first.upstream_mark.column == 15);
  REQUIRE(first.upstream_tls);
  CHECK(first.upstream_tls->authority_file == "/ca.pem");
  const auto& second = config.listeners[1];
  CHECK(second.listen.host == "::1");
  CHECK(second.tls.mode == TlsMode::allow);
  CHECK(second.tls.certificate_file.empty());
  const auto& third = config.listeners[2];
  CHECK(third.listen.host == "/run/parallax");
  CHECK(third.listen.port == 6434);
  CHECK(third.upstream.host == "/run/postgresql");
  CHECK(third.tls.mode == TlsMode::disable);
  CHECK_FALSE(third.upstream_tls);
}

TEST_CASE("files of certificates are found beside the configuration") {
  const MemoryFiles files;
  auto result = parse_config(kHead + "tls: {cert: a.crt, key: ../b.key}\n", "/etc/px/f.yaml",
                             files.environment(), files.source());
  const auto tls = std::get<Config>(result).listeners.at(0).tls;
  CHECK(tls.certificate_file == "/etc/px/a.crt");
  CHECK(tls.key_file == "/etc/px/../b.key");
}

TEST_CASE("mistakes of tls and auth") {
  const std::string certificate = "write `cert` and `key`, or `self_signed: true` on loopback";
  check({
      {"no key", kHead + "tls: {cert: a.crt}\n", "f.yaml:3:6: `tls`: " + certificate},
      {"no certificate", kHead + "tls: {key: a.key}\n", "f.yaml:3:6: `tls`: " + certificate},
      {"a mode alone", kHead + "tls: {mode: require}\n", "f.yaml:3:6: `tls`: " + certificate},
      {"nothing in it", kHead + "tls: {}\n", "f.yaml:3:6: `tls`: " + certificate},
      {"not self-signed", kHead + "tls: {self_signed: false}\n",
       "f.yaml:3:6: `tls`: " + certificate},
      {"a path of nothing", kHead + "tls: {cert: '', key: ''}\n",
       "f.yaml:3:6: `tls`: " + certificate},
      {"self-signed, and a certificate", kHead + "tls: {self_signed: true, cert: a, key: b}\n",
       "f.yaml:3:6: `tls`: `self_signed` makes a certificate of its own: write it or `cert` and "
       "`key`"},
      {"self-signed for everybody", exposed("tls: {self_signed: true}\n"),
       "f.yaml:3:6: `tls`: `self_signed` is for loopback and Unix sockets, where nobody has to "
       "trust it: write `cert` and `key`"},
      {"a mode that is none", kHead + "tls: {self_signed: true, mode: prefer}\n",
       "f.yaml:3:32: `tls.mode`: write `disable`, `allow` or `require`, not `prefer`"},
      {"yes", kHead + "tls: {self_signed: yes}\n",
       "f.yaml:3:6: `tls`: " + certificate +
           "\nf.yaml:3:20: `tls.self_signed`: write `true` or `false`, not `yes`"},
      {"an unknown key", kHead + "tls: {self_signed: true, ca: a.pem}\n",
       "f.yaml:3:26: unknown key `ca`; known here: cert, key, mode, self_signed"},
      {"tls as a word", kHead + "tls: on\n",
       "f.yaml:3:6: `tls`: write keys with values, `key: value`, not a single value\n"
       "f.yaml:3:6: `tls`: " +
           certificate},
      {"a certificate as a list", kHead + "tls: {cert: [a], key: b}\n",
       "f.yaml:3:6: `tls`: " + certificate +
           "\nf.yaml:3:13: `tls.cert`: write a single value, not a list"},
      {"auth that is none", kHead + "auth: mediated\n",
       "f.yaml:3:7: `auth`: write `passthrough` or `password`, not `mediated`"},
      {"a password on a plain leg", kHead + "auth: password\n",
       "f.yaml:3:7: `auth`: `password` asks for passwords inside TLS: write `tls` for this "
       "listener, too"},
      {"a password, TLS turned off", kHead + "auth: password\ntls: {mode: disable}\n",
       "f.yaml:3:7: `auth`: `password` asks for passwords inside TLS: write `tls` for this "
       "listener, too"},
  });
}

TEST_CASE("mistakes of the list of listeners") {
  check({
      {"not a list", "listeners: {name: a}\n",
       "f.yaml:1:12: `listeners`: write a list, `- {name: app, listen: 127.0.0.1:6432, upstream: "
       "…}`"},
      {"an empty list", "listeners: []\n",
       "f.yaml:1:12: `listeners`: write a list, `- {name: app, listen: 127.0.0.1:6432, upstream: "
       "…}`"},
      {"beside the keys at the top", kHead + listeners({kOne}),
       "f.yaml:1:9: `listen` stands beside `listeners`: write it in one of them"},
      {"beside auth", "auth: passthrough\n" + listeners({kOne}),
       "f.yaml:1:7: `auth` stands beside `listeners`: write it in one of them"},
      {"nothing in one", listeners({kOne, "name: b"}),
       "f.yaml:3:5: `listeners[1].listen` is missing: write where clients connect, `listen: "
       "127.0.0.1:6432`\n"
       "f.yaml:3:5: `listeners[1].upstream` is missing: write the server, `upstream: "
       "postgresql://user@127.0.0.1:5432/database`"},
      {"no name", listeners({"listen: '127.0.0.1:1', upstream: 'postgresql://h'"}),
       "f.yaml:2:5: `listeners[0].name` is missing: logs and metrics need one"},
      {"a name twice",
       listeners({kOne,
                  "name: one, listen: '127.0.0.1:2', upstream: "
                  "'postgresql://h'"}),
       "f.yaml:3:12: `listeners[1].name` is the name of another listener"},
      {"an unknown key", listeners({kOne + ", tsl: {}"}),
       "f.yaml:2:72: unknown key `tsl`, did you mean `tls`?"},
      {"a key of the top", listeners({kOne + ", mode: off"}),
       "f.yaml:2:72: unknown key `mode`; known here: listen, upstream, tls, auth, name"},
      {"mistakes further in", listeners({kOne + ", tls: {mode: on}", kTwo + ", auth: none"}),
       "f.yaml:2:77: `listeners[0].tls`: write `cert` and `key`, or `self_signed: true` on "
       "loopback\n"
       "f.yaml:2:84: `listeners[0].tls.mode`: write `disable`, `allow` or `require`, not `on`\n"
       "f.yaml:3:78: `listeners[1].auth`: write `passthrough` or `password`, not `none`"},
  });
}

TEST_CASE("a name that metrics could not carry is told at its place") {
  const MemoryFiles files;
  const auto problems = [&](const std::string& name) {
    return files.problems(
        listeners({"name: " + name + ", listen: '127.0.0.1:1', upstream: 'postgresql://h'"}));
  };
  for (const std::string& name : {std::string("a b"), std::string("'a/b'"), std::string("''"),
                                  std::string("\u00e9"), std::string(64, 'n')}) {
    INFO(name);
    CHECK(problems(name).find("f.yaml:2:12: `listeners[0].name`: write up to 63 letters, digits, "
                              "`_`, `.` and `-`, not `") != std::string::npos);
  }
  CHECK(problems(std::string(63, 'n')).empty());
}

TEST_CASE("a member of the list that is no mapping is told") {
  const MemoryFiles files;
  for (const char* text : {"listeners: [x]\n", "listeners:\n  - \n", "listeners: [[]]\n"}) {
    INFO(text);
    CHECK(files.problems(text).find("`listeners[0]`: write keys with values") != std::string::npos);
  }
}

TEST_CASE("listeners that are in each other's way") {
  const auto two = [](const std::string& first, const std::string& second) {
    return listeners({"name: a, listen: '" + first + "', upstream: 'postgresql://h'",
                      "name: b, listen: '" + second + "', upstream: 'postgresql://h'"});
  };
  const std::string same =
      "f.yaml:3:23: `listeners[1].listen` is the same address as `listeners[0].listen`";
  check({
      {"the same", two("127.0.0.1:1", "127.0.0.1:1"), same},
      {"by name", two("127.0.0.1:1", "localhost:1"), same},
      {"by any address", two("127.0.0.1:1", "0.0.0.0:1"), same},
      {"IPv6, any address", two("[::]:1", "[::1]:1"), same},
      {"a Unix socket", two("/run/px:1", "/run/px:1"), same},
      {"where metrics are", listeners({kOne}) + "metrics: {listen: 127.0.0.1:1}\n",
       "f.yaml:3:19: `metrics.listen` is the same address as `listeners[0].listen`"},
      {"where admin is", listeners({kTwo, kOne}) + "admin: {listen: 127.0.0.1:1}\n",
       "f.yaml:4:17: `admin.listen` is the same address as `listeners[1].listen`"},
  });
  good(two("127.0.0.1:1", "127.0.0.2:1"));
  good(two("127.0.0.1:1", "127.0.0.1:2"));
  good(two("127.0.0.1:0", "127.0.0.1:0"));
  good(two("/run/px:1", "/run/px:2"));
  good(two("/run/px:1", "/run/other:1"));
  good(two("/run/px:1", "127.0.0.1:1"));
}

TEST_CASE("an upstream that is a listener is a loop, over however many") {
  const auto one = [](const std::string& name, const std::string& listen, const std::string& url) {
    return "name: " + name + ", listen: '" + listen + "', upstream: '" + url + "'";
  };
  const auto loop = [](int line, int column, const std::string& from, const std::string& to,
                       const std::string& address) {
    return "f.yaml:" + std::to_string(line) + ':' + std::to_string(column) + ": `listeners[" +
           from + "].upstream` is the own `listeners[" + to + "].listen` address, " + address +
           ": every connection would come back to Parallax";
  };
  check({
      {"itself", listeners({one("a", "127.0.0.1:1", "postgresql://localhost:1")}),
       loop(2, 48, "0", "0", "127.0.0.1:1")},
      {"another",
       listeners({one("a", "127.0.0.1:1", "postgresql://127.0.0.1:2"),
                  one("b", "127.0.0.1:2", "postgresql://h")}),
       loop(2, 48, "0", "1", "127.0.0.1:2")},
      {"each other",
       listeners({one("a", "127.0.0.1:1", "postgresql://127.0.0.1:2"),
                  one("b", "127.0.0.1:2", "postgresql://127.0.0.1:1")}),
       loop(2, 48, "0", "1", "127.0.0.1:2") + "\n" + loop(3, 48, "1", "0", "127.0.0.1:1")},
      {"a Unix socket", listeners({one("a", "/run/px:5432", "host=/run/px")}),
       loop(2, 49, "0", "0", "/run/px:5432")},
      {"IPv6", listeners({one("a", "[::1]:1", "postgresql://[::1]:1")}),
       loop(2, 44, "0", "0", "[::1]:1")},
      {"the shadow", listeners({kOne, kTwo}) + "shadow: {url: 'postgresql://u@127.0.0.1:2/d'}\n",
       "f.yaml:4:15: `shadow.url` is the own `listeners[1].listen` address, 127.0.0.1:2: replays "
       "would come back to Parallax"},
  });
}

TEST_CASE("several servers need shadow.url, where there is anything to replay") {
  const std::string other = "name: two, listen: '127.0.0.1:2', upstream: 'postgresql://u@other/d'";
  const std::string rules = "rules: {r: {legacy: 'select 1', rewrite: 'select 2'}}\n";
  const std::string port = "name: two, listen: '127.0.0.1:2', upstream: 'postgresql://u@h:1/d'";
  const std::string wanted =
      "f.yaml:3:50: `listeners[1].upstream` is another server than `listeners[0].upstream`: write "
      "`shadow.url`, the server that replays go to; it must hold the data of all of them";
  check({
      {"another host", listeners({kOne, other}) + rules, wanted},
      {"another port", listeners({kOne, port}) + rules, wanted},
      {"off, but the switch may turn it on", listeners({kOne, other}) + "mode: off\n" + rules,
       wanted},
      {"a shadow without host",
       listeners({kOne, other}) + "shadow: {url: 'postgresql://ro@'}\n" + rules, wanted},
  });
  good(listeners({kOne, other}));
  good(listeners({kOne, kTwo}) + rules);
  const auto config =
      good(listeners({kOne, other}) + "shadow: {url: 'postgresql://ro@replica/d'}\n" + rules);
  CHECK(config.shadow.conninfo.at("host") == "replica");
}

TEST_CASE("--dev asks every listener to be local") {
  auto config =
      good(listeners({kOne, "name: two, listen: '/run/px:2', upstream: 'postgresql://h'"}));
  CHECK_FALSE(enable_dev(config));
  auto open = good(listeners({kOne, "name: two, listen: '[::]:2', upstream: 'postgresql://h'"}));
  CHECK(enable_dev(open) ==
        "--dev shows values, so it listens on loopback only: write `listen: 127.0.0.1:2`, not "
        "`[::]:2`");
}

}  // namespace
}  // namespace parallax::proxy
