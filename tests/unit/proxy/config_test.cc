#include "proxy/config.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/proxy/config_support.h"

namespace parallax::proxy {
namespace {

using namespace std::chrono_literals;

Config good(const MemoryFiles& files, const std::string& text) {
  auto result = files.parse(text);
  INFO(files.problems(text));
  REQUIRE(std::holds_alternative<Config>(result));
  return std::get<Config>(std::move(result));
}
Config good(const std::string& text) { return good(MemoryFiles{}, text); }

using Conninfo = std::map<std::string, std::string>;

TEST_CASE("the smallest configuration has the documented defaults") {
  const Config config = good("listen: 127.0.0.1:6432\nupstream: postgresql://127.0.0.1\n");
  CHECK(config.listeners.at(0).listen.host == "127.0.0.1");
  CHECK(config.listeners.at(0).listen.port == 6432);
  CHECK(config.listeners.at(0).upstream.host == "127.0.0.1");
  CHECK(config.listeners.at(0).upstream.port == 5432);
  CHECK(config.listeners.at(0).upstream_url == "postgresql://127.0.0.1:5432");
  CHECK(config.mode == shadow::Mode::shadow);
  CHECK(config.sample == 1.0);
  CHECK(config.workers == 0);
  CHECK_FALSE(config.metrics_listen);
  CHECK_FALSE(config.admin_listen);
  CHECK(config.rules.empty());
  CHECK(config.warnings.empty());
  CHECK(config.shadow.pool_max == 4);
  CHECK(config.shadow.conninfo ==
        Conninfo{{"host", "127.0.0.1"}, {"port", "5432"}, {"sslmode", "disable"}});
}

TEST_CASE("every key arrives at its place") {
  const Config config = good(R"(
listen: "[::1]:6432"
upstream: postgresql://app:secret@db.example:6000/shop?sslmode=disable
mode: off
sample: 0.25
shadow:
  url: postgresql://ro:other@replica.example/copy?sslmode=verify-ca&sslrootcert=/ca.pem
  pool: {max: 7, idle_timeout: 2m, connect_timeout: 1500ms}
  statement_timeout: 3s
  lock_timeout: 200ms
  safe_functions: [app.full_name, tenant]
  queue: {max_jobs: 10, max_bytes: 1MiB}
  capture: {max_bytes: 512KiB}
  governor: {enabled: false, live_latency: 1.5, pool_wait: 2s, connections: 0.7, interval: 100ms}
metrics: {listen: 0.0.0.0:9187}
admin: {listen: localhost:9188}
log: {level: debug}
limits:
  startup_timeout: 1s
  authentication_timeout: 2s
  connect_timeout: 3s
  drain_timeout: 4s
  unauthenticated_sessions: 5
  sessions: 6
workers: 3
rules:
  a:
    sample: 0.5
    legacy: 'select 1'
    rewrite: "select 2"
    compare: {when: snapshot}
    ignore: {noise: made by the database}
    columns:
      x: b.x
      y: 'avg("y") # mean'
  b: {legacy: 'select 3', rewrite: 'select 4'}
)");
  CHECK(config.listeners.at(0).listen.host == "::1");
  CHECK(config.listeners.at(0).upstream.host == "db.example");
  CHECK(config.listeners.at(0).upstream.port == 6000);
  CHECK(config.listeners.at(0).upstream_url == "postgresql://app@db.example:6000/shop");
  CHECK(config.mode == shadow::Mode::off);
  CHECK(config.sample == 0.25);
  CHECK(config.shadow.conninfo == Conninfo{{"host", "replica.example"},
                                           {"port", "5432"},
                                           {"user", "ro"},
                                           {"password", "other"},
                                           {"dbname", "copy"},
                                           {"sslmode", "verify-ca"},
                                           {"sslrootcert", "/ca.pem"}});
  CHECK(config.shadow.pool_max == 7);
  CHECK(config.shadow.idle_timeout == 2min);
  CHECK(config.shadow.connect_timeout == 1500ms);
  CHECK(config.shadow.statement_timeout == 3s);
  CHECK_FALSE(config.shadow.governor.enabled);
  CHECK(config.shadow.governor.live_latency == 1.5);
  CHECK(config.shadow.governor.pool_wait == std::chrono::milliseconds(2000));
  CHECK(config.shadow.governor.connections == 0.7);
  CHECK(config.shadow.governor.interval == std::chrono::milliseconds(100));
  CHECK(config.shadow.safe_functions == std::set<std::string>{"app.full_name", "tenant"});
  CHECK(config.shadow.lock_timeout == 200ms);
  CHECK(config.shadow.queue_jobs == 10);
  CHECK(config.shadow.queue_bytes == 1024 * 1024);
  CHECK(config.shadow.capture_bytes == 512 * 1024);
  CHECK(config.metrics_listen == "0.0.0.0:9187");
  CHECK(config.admin_listen == "localhost:9188");
  CHECK(config.log_level == "debug");
  CHECK(config.limits.startup_timeout == 1s);
  CHECK(config.limits.authentication_timeout == 2s);
  CHECK(config.limits.connect_timeout == 3s);
  CHECK(config.limits.drain_timeout == 4s);
  CHECK(config.limits.unauthenticated_sessions == 5);
  CHECK(config.limits.sessions == 6);
  CHECK(config.workers == 3);
  REQUIRE(config.rules.size() == 2);
  CHECK(config.rules[0].name.text == "a");
  CHECK(config.rules[0].name.mark.line == 27);
  CHECK(config.rules[0].legacy.front().sql.text == "select 1");
  CHECK(config.rules[0].rewrite.front().sql.text == "select 2");
  CHECK(config.rules[0].sample == 0.5);
  CHECK(config.rules[0].ignore.at("noise").text == "made by the database");
  CHECK(config.rules[0].columns.at("x").text == "b.x");
  CHECK(config.rules[0].columns.at("y").text == "avg(\"y\") # mean");
  CHECK(config.rules[1].sample == 0.25);
}

TEST_CASE("the shadow's connection is made from both URLs") {
  const auto conninfo = [](const std::string& upstream, const std::string& shadow) {
    return good("listen: 127.0.0.1:1\nupstream: '" + upstream + "'\nshadow: {url: '" + shadow +
                "'}\n")
        .shadow.conninfo;
  };
  const std::string upstream = "postgresql://app:pw@db.example:6543/shop?sslmode=disable";
  CHECK(conninfo(upstream, "postgresql://") == Conninfo{{"host", "db.example"},
                                                        {"port", "6543"},
                                                        {"user", "app"},
                                                        {"password", "pw"},
                                                        {"dbname", "shop"},
                                                        {"sslmode", "disable"}});
  // Another user does not get the first one's password.
  CHECK(conninfo(upstream, "user=ro") == Conninfo{{"host", "db.example"},
                                                  {"port", "6543"},
                                                  {"user", "ro"},
                                                  {"dbname", "shop"},
                                                  {"sslmode", "disable"}});
  // Another host has its own port and its own TLS.
  CHECK(conninfo(upstream, "postgresql://replica.example") ==
        Conninfo{{"host", "replica.example"},
                 {"port", "5432"},
                 {"user", "app"},
                 {"password", "pw"},
                 {"dbname", "shop"},
                 {"sslmode", "verify-full"},
                 {"sslrootcert", "/etc/ssl/certs/ca-certificates.crt"}});
  CHECK(conninfo("host=/run/pg dbname=d user=u", "").at("sslmode") == "disable");
  CHECK(conninfo("host=/run/pg dbname=d user=u", "").at("host") == "/run/pg");
}

TEST_CASE("an upstream by Unix socket, IPv6 or name") {
  const auto upstream = [](const std::string& url) {
    return good("listen: 127.0.0.1:1\nupstream: '" + url + "'\n").listeners.at(0).upstream;
  };
  CHECK(upstream("postgresql://app@%2Fvar%2Frun%2Fpostgresql/shop").host == "/var/run/postgresql");
  CHECK(upstream("postgresql://app@[::1]:5433/shop").host == "::1");
  CHECK(upstream("postgresql://app@[::1]:5433/shop").port == 5433);
  CHECK(upstream("postgres://app@LOCALHOST/shop").host == "LOCALHOST");
}

TEST_CASE("what a URL says for others is dropped with a warning") {
  const Config config = good(
      "listen: 127.0.0.1:1\n"
      "upstream: "
      "postgresql://app@127.0.0.1/"
      "shop?pgbouncer=true&sslmode=disable&connection_limit=1&application_name=x\n");
  REQUIRE(config.warnings.size() == 3);
  CHECK(config.warnings[0].text() ==
        "f.yaml:2:11: `upstream`: `pgbouncer` is for an ORM and is dropped from the URL");
  CHECK(config.warnings[1].text() ==
        "f.yaml:2:11: `upstream`: `connection_limit` is for an ORM and is dropped from the URL");
  CHECK(config.warnings[2].text() ==
        "f.yaml:2:11: `upstream`: `application_name` is not used here: the client's own connection "
        "says it");
  CHECK_FALSE(config.shadow.conninfo.contains("application_name"));
}

TEST_CASE("variables are expanded in values and never in SQL") {
  MemoryFiles files;
  files.variables = {{"HOST", "127.0.0.1"}, {"EMPTY", ""}, {"NESTED", "${HOST}"}};
  files.files = {{"/run/secrets/url", "postgresql://app:p%40w@127.0.0.1/shop\n"},
                 {"level", "warn\r\n"}};
  const Config config = good(files,
                             "listen: '${HOST}:${PORT:-6432}'\n"
                             "upstream: ${file:/run/secrets/url}\n"
                             "log: {level: '${file:level}'}\n"
                             "sample: ${EMPTY:-0.5}\n"
                             "rules:\n"
                             "  '${HOST}':\n"
                             "    legacy: 'select ''${HOST}'''\n"
                             "    rewrite: \"select '${NONE}'\"\n"
                             "    columns: {a: '${NONE}'}\n"
                             "    ignore: {b: '${NESTED}, $1 and $'}\n");
  CHECK(config.listeners.at(0).listen.port == 6432);
  CHECK(config.log_level == "warn");
  CHECK(config.sample == 0.5);
  CHECK(config.shadow.conninfo.at("password") == "p@w");
  REQUIRE(config.rules.size() == 1);
  CHECK(config.rules[0].name.text == "${HOST}");
  CHECK(config.rules[0].legacy.front().sql.text == "select '${HOST}'");
  CHECK(config.rules[0].rewrite.front().sql.text == "select '${NONE}'");
  CHECK(config.rules[0].columns.at("a").text == "${NONE}");
  CHECK(config.rules[0].ignore.at("b").text == "${HOST}, $1 and $");
}

std::string place(const shadow::SourceText& text, const std::string& word) {
  const auto offset = text.text.find(word);
  REQUIRE(offset != std::string::npos);
  const auto mark = shadow::mark_inside(text.mark, text.text, offset);
  return std::to_string(mark.line) + ':' + std::to_string(mark.column);
}

TEST_CASE("places inside SQL are exact where the file holds the SQL as it is") {
  const Config config = good(
      "listen: 127.0.0.1:1\n"
      "upstream: postgresql://u@127.0.0.1/d\n"
      "rules:\n"
      "  a:\n"
      "    legacy: |  # comment\n"
      "\n"
      "      select x,\n"
      "        y\n"
      "      from t\n"
      "    rewrite: |2-\n"
      "        select x,\n"
      "        y\n"
      "  b:\n"
      "    legacy: 'select x'\n"
      "    rewrite: \"select 'x', y\"\n"
      "  c:\r\n"
      "    legacy: |\r\n"
      "      select x,\r\n"
      "             y\r\n"
      "    rewrite: \"select\n"
      "      x\"\n"
      "  d: {legacy: 'select ''q'', x', rewrite: \"select \\x78, x\"}\n"
      "  e:\n"
      "    legacy: >\n"
      "      select\n"
      "      x\n"
      "    rewrite: &x 'select x'\n");
  REQUIRE(config.rules.size() == 5);
  const auto& a = config.rules[0];
  CHECK(place(a.legacy.front().sql, "select") == "7:7");
  CHECK(place(a.legacy.front().sql, "y") == "8:9");
  CHECK(place(a.legacy.front().sql, "from") == "9:7");
  CHECK(a.rewrite.front().sql.text == "  select x,\n  y");
  CHECK(place(a.rewrite.front().sql, "select") == "11:9");
  CHECK(place(a.rewrite.front().sql, "y") == "12:9");
  const auto& b = config.rules[1];
  CHECK(place(b.legacy.front().sql, "x") == "14:21");
  CHECK(place(b.rewrite.front().sql, "y") == "15:27");
  const auto& c = config.rules[2];
  CHECK(c.legacy.front().sql.text == "select x,\n       y\n");
  CHECK(place(c.legacy.front().sql, "y") == "19:14");
  // Otherwise the place of the whole text.
  CHECK(place(c.rewrite.front().sql, "x") == "20:14");
  CHECK(place(config.rules[3].legacy.front().sql, "x") == "22:15");
  CHECK(place(config.rules[3].rewrite.front().sql, "x") == "22:43");
  CHECK(place(config.rules[4].legacy.front().sql, "x") == "24:13");
  CHECK(place(config.rules[4].rewrite.front().sql, "x") == "27:14");
}

TEST_CASE("rules of included files follow, in the order of the list, each file once") {
  MemoryFiles files;
  files.files = {{"x/r1.yaml", "rules:\n  one: {legacy: 'select 1', rewrite: 'select 1'}\n"},
                 {"x/r2.yaml", "rules:\n  two: {legacy: 'select 2', rewrite: 'select 2'}\n"}};
  files.globs = {{"x/*.yaml", {"x/r1.yaml", "x/r2.yaml"}}};
  const std::string text =
      "listen: 127.0.0.1:1\nupstream: postgresql://u@127.0.0.1/d\nsample: 0.5\n"
      "rules:\n  zero: {legacy: 'select 0', rewrite: 'select 0'}\n"
      "include: [r2.yaml, '*.yaml']\n";
  auto result = parse_config(text, "x/main.yaml", files.environment(), files.source());
  REQUIRE(std::holds_alternative<Config>(result));
  const auto& rules = std::get<Config>(result).rules;
  REQUIRE(rules.size() == 3);
  CHECK(rules[0].name.text == "zero");
  CHECK(rules[1].name.text == "two");
  CHECK(rules[2].name.text == "one");
  CHECK(rules[2].name.mark.file == "x/r1.yaml");
  CHECK(rules[2].sample == 0.5);
}

TEST_CASE("files are read from the file system") {
  std::string directory = "/tmp/parallax_config_XXXXXX";
  REQUIRE(mkdtemp(directory.data()) != nullptr);
  std::filesystem::create_directory(directory + "/rules");
  std::ofstream(directory + "/main.yaml")
      << "listen: 127.0.0.1:1\nupstream: postgresql://u@127.0.0.1/d\ninclude: [rules/*.yaml]\n";
  std::ofstream(directory + "/rules/b.yaml")
      << "rules:\n  b: {legacy: 'select 1', rewrite: 'select 1'}\n";
  std::ofstream(directory + "/rules/a.yaml")
      << "rules:\n  a: {legacy: 'select 1', rewrite: 'select 1'}\n";
  const Environment environment = [](const std::string&) { return std::nullopt; };
  auto result = load_config(directory + "/main.yaml", environment);
  REQUIRE(std::holds_alternative<Config>(result));
  REQUIRE(std::get<Config>(result).rules.size() == 2);
  CHECK(std::get<Config>(result).rules[0].name.text == "a");

  const auto problem = [&](const std::string& path) {
    const auto failed = load_config(path, environment);
    REQUIRE(std::holds_alternative<std::vector<shadow::ConfigProblem>>(failed));
    return std::get<std::vector<shadow::ConfigProblem>>(failed).at(0).text();
  };
  CHECK(problem(directory + "/none.yaml") ==
        directory + "/none.yaml:1:1: cannot read the file: No such file or directory");
  CHECK(problem(directory) == directory + ":1:1: cannot read the file: Is a directory");
  std::filesystem::remove_all(directory);
}

TEST_CASE("--dev shadows everything, on loopback only") {
  const std::string rest =
      "upstream: postgresql://u@127.0.0.1/d\nsample: 0\n"
      "rules:\n  a: {legacy: 'select 1', rewrite: 'select 1', sample: 0.1}\n";
  Config config = good("listen: localhost:6432\n" + rest);
  CHECK_FALSE(enable_dev(config));
  CHECK(config.shadow.dev);
  CHECK(config.sample == 1);
  CHECK(config.rules[0].sample == 1);
  Config open = good("listen: 0.0.0.0:6432\n" + rest);
  CHECK(enable_dev(open) ==
        "--dev shows values, so it listens on loopback only: write `listen: 127.0.0.1:6432`, not "
        "`0.0.0.0:6432`");
  CHECK_FALSE(open.shadow.dev);
}

TEST_CASE("an upstream on the listener's port and another host is no loop") {
  good("listen: 127.0.0.1:5432\nupstream: postgresql://u@10.0.0.1:5432/d?sslmode=disable\n");
  good("listen: 127.0.0.1:5432\nupstream: postgresql://u@127.0.0.2:5432/d\n");
  good("listen: 127.0.0.1:5432\nupstream: 'host=/run/postgresql port=5432'\n");
  good("listen: 127.0.0.1:0\nupstream: postgresql://u@127.0.0.1:5432/d\n");
  const MemoryFiles files;
  CHECK_FALSE(
      files.problems("listen: 0.0.0.0:5432\nupstream: postgresql://u@127.0.0.1:5432/d\n").empty());
  CHECK_FALSE(
      files.problems("listen: '[::]:5432'\nupstream: postgresql://u@localhost:5432/d\n").empty());
}

}  // namespace
}  // namespace parallax::proxy
