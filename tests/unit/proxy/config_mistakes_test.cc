// Each mistake is answered with its place and with what to write instead.

#include <catch2/catch.hpp>
#include <string>

#include "tests/unit/proxy/config_support.h"

namespace parallax::proxy {
namespace {

struct Mistake {
  const char* name;
  std::string text;
  std::string answer;  // without the last line end
};

const std::string kHead =  // three lines
    "listen: 127.0.0.1:6432\n"
    "upstream: postgresql://app:pw@127.0.0.1:5432/shop\n"
    "mode: shadow\n";
const std::string kRule =  // a whole rule, lines 4 to 7
    "rules:\n"
    "  a:\n"
    "    legacy: 'select 1'\n"
    "    rewrite: 'select 2'\n";

std::string with_upstream(const std::string& url) {
  return "listen: 127.0.0.1:6432\nupstream: " + url + "\n";
}
std::string with_shadow(const std::string& url) { return kHead + "shadow:\n  url: " + url + "\n"; }
std::string rule(const std::string& body) { return kHead + "rules:\n  a:\n" + body; }

MemoryFiles world() {
  MemoryFiles files;
  files.variables = {{"EMPTY", ""}, {"BAD", "hunter2://"}};
  files.files = {{"more.yaml", "rules:\n  b: {legacy: 'select 1', rewrite: 'select 2'}\n"},
                 {"again.yaml", "rules:\n  a: {legacy: 'select 1', rewrite: 'select 2'}\n"},
                 {"other.yaml", "rules: {}\nlisten: 127.0.0.1:1\n"},
                 {"broken.yaml", "rules: [\n"},
                 {"f.yaml", ""}};
  files.globs = {{"*.yaml", {"again.yaml", "more.yaml"}}};
  return files;
}

void check(const std::vector<Mistake>& mistakes) {
  const MemoryFiles files = world();
  for (const Mistake& mistake : mistakes) {
    INFO(mistake.name << "\n" << mistake.text);
    CHECK(files.problems(mistake.text) == mistake.answer + "\n");
  }
}

TEST_CASE("mistakes of the file as a whole") {
  check({
      {"empty", "", "f.yaml:1:1: the file is empty"},
      {"only comments", "# nothing\n", "f.yaml:1:1: the file is empty"},
      {"a list", "- listen\n", "f.yaml:1:1: write keys with values, `key: value`, not a list"},
      {"no YAML", kHead + "log: {level: info\n",
       "f.yaml:5:1: not valid YAML: end of map flow not found"},
      {"two values", "listen: a: b\n", "f.yaml:1:10: not valid YAML: illegal map value"},
      {"not UTF-8", "listen: \xff\n", "f.yaml:1:1: the file is not UTF-8 text"},
      {"a zero byte", std::string("listen: \0\n", 10), "f.yaml:1:1: the file is not UTF-8 text"},
      {"two documents", kHead + "---\nrules: {}\n",
       "f.yaml:4:1: a second YAML document starts here; only one is read"},
      {"a comma at the front", "," + kHead, "f.yaml:1:1: not valid YAML: unexpected `,`"},
      {"a bracket at the end", kHead + "]\n", "f.yaml:4:1: not valid YAML: illegal flow end"},
      {"a control character", "\"a\\\x0b\": 1\n",
       "f.yaml:1:5: not valid YAML: unknown escape character: \\x0b"},
      {"nothing that is needed", "mode: off\n",
       "f.yaml:1:1: `listen` is missing: write where clients connect, `listen: 127.0.0.1:6432`\n"
       "f.yaml:1:1: `upstream` is missing: write the server, `upstream: "
       "postgresql://user@127.0.0.1:5432/database`"},
  });
}

TEST_CASE("mistakes of keys") {
  check({
      {"a typo", "listn: 127.0.0.1:6432\n" + kHead,
       "f.yaml:1:1: unknown key `listn`, did you mean `listen`?"},
      {"two letters swapped", kHead + "metrcis: {listen: 127.0.0.1:9187}\n",
       "f.yaml:4:1: unknown key `metrcis`, did you mean `metrics`?"},
      {"a typo further in", kHead + "shadow:\n  pool:\n    maxx: 4\n",
       "f.yaml:6:5: unknown key `maxx`, did you mean `max`?"},
      {"far from all", kHead + "log:\n  colour: red\n",
       "f.yaml:5:3: unknown key `colour`; known here: level, format"},
      {"twice", kHead + "mode: off\n",
       "f.yaml:4:1: `mode` stands here twice; the first is in line 3"},
      {"a rule twice", kHead + kRule + "  a:\n    legacy: 'select 3'\n    rewrite: 'select 4'\n",
       "f.yaml:8:3: `a` stands here twice; the first is in line 5"},
      {"no value", kHead + "sample:\n", "f.yaml:4:1: `sample` has no value"},
      {"null", kHead + "sample: ~\n", "f.yaml:4:1: `sample` has no value"},
      {"a list as key", kHead + "? [a]\n: b\n",
       "f.yaml:4:3: a key must be a single word or a quoted text"},
      {"a value for a mapping", kHead + "shadow: yes\n",
       "f.yaml:4:9: `shadow`: write keys with values, `key: value`, not a single value"},
      {"a mapping for a value", kHead + "sample: {a: 1}\n",
       "f.yaml:4:9: `sample`: write a single value, not a mapping"},
      {"a tag", kHead + "sample: !!float 1\n",
       "f.yaml:4:9: `sample`: tags (`!…`) are not used here"},
      {"a quote without end", kHead + "log: {level: info}\nworkers: \"2\nsample: 1\n",
       "f.yaml:5:10: `workers`: the quote that starts here has no end"},
  });
}

TEST_CASE("mistakes of values") {
  check({
      {"mode", kHead.substr(0, kHead.rfind("mode")) + "mode: on\n",
       "f.yaml:3:7: `mode`: write `off`, `shadow` or `strict`, not `on`"},
      {"a planned mode", kHead.substr(0, kHead.rfind("mode")) + "mode: cutover\n",
       "f.yaml:3:7: `mode`: `cutover` is not in this version; write `off`, `shadow` or `strict`"},
      {"what strict does without a verdict", kHead + "strict: {uncompared: maybe}\n",
       "f.yaml:4:22: `strict.uncompared`: write `fail` or `allow`, not `maybe`"},
      {"sample above 1", kHead + "sample: 1.5\n",
       "f.yaml:4:9: `sample`: write a number from 0 to 1, not `1.5`"},
      {"a governor without patience", kHead + "shadow: {governor: {live_latency: 1}}\n",
       "f.yaml:4:35: `shadow.governor.live_latency`: write a number from 1.05 to 100, not `1`"},
      {"a governor that is neither", kHead + "shadow: {governor: {enabled: yes}}\n",
       "f.yaml:4:30: `shadow.governor.enabled`: write `true` or `false`, not `yes`"},
      {"sample in percent", kHead + "sample: 10%\n",
       "f.yaml:4:9: `sample`: write a number from 0 to 1, not `10%`"},
      {"sample nan", kHead + "sample: nan\n",
       "f.yaml:4:9: `sample`: write a number from 0 to 1, not `nan`"},
      {"a duration without unit", kHead + "shadow: {statement_timeout: 2}\n",
       "f.yaml:4:29: `shadow.statement_timeout`: write a duration such as `100ms`, `20s` or `2m`, "
       "not "
       "`2`"},
      {"a duration of nothing", kHead + "shadow: {lock_timeout: 0s}\n",
       "f.yaml:4:24: `shadow.lock_timeout`: write a duration from 1ms to 1h, not `0s`"},
      {"a duration of ages", kHead + "shadow: {lock_timeout: 99999999999999999999h}\n",
       "f.yaml:4:24: `shadow.lock_timeout`: write a duration from 1ms to 1h, not "
       "`99999999999999999999h`"},
      {"a size in MB", kHead + "shadow: {queue: {max_bytes: 64MB}}\n",
       "f.yaml:4:29: `shadow.queue.max_bytes`: write a size such as `64MiB`, `512KiB` or a number "
       "of "
       "bytes, not `64MB`"},
      {"a size too small", kHead + "shadow: {capture: {max_bytes: 1}}\n",
       "f.yaml:4:31: `shadow.capture.max_bytes`: write a size from 1KiB to 1GiB, not `1`"},
      {"a count", kHead + "shadow: {pool: {max: 0}}\n",
       "f.yaml:4:22: `shadow.pool.max`: write a whole number from 1 to 1000, not `0`"},
      {"a negative count", kHead + "limits: {sessions: -1}\n",
       "f.yaml:4:20: `limits.sessions`: write a whole number from 1 to 1000000, not `-1`"},
      {"a word for a count", kHead + "workers: many\n",
       "f.yaml:4:10: `workers`: write a whole number from 1 to 1024, not `many`"},
      {"log level", kHead + "log: {level: verbose}\n",
       "f.yaml:4:14: `log.level`: write `error`, `warn`, `info` or `debug`, not `verbose`"},
      {"an unset variable", kHead + "sample: ${RATIO}\n",
       "f.yaml:4:9: `sample`: the environment variable RATIO is not set; set it or write a "
       "default: "
       "`${RATIO:-default}`"},
      {"an empty variable", kHead + "sample: ${EMPTY}\n",
       "f.yaml:4:9: `sample`: write a number from 0 to 1, not ``"},
      {"a variable without end", kHead + "sample: ${RATIO\n",
       "f.yaml:4:9: `sample`: `${` without its `}`"},
      {"a variable without a name", kHead + "sample: ${1X}\n",
       "f.yaml:4:9: `sample`: write `${NAME}`, `${NAME:-default}` or `${file:/path}`, not `${1X}`"},
      {"a file that is not there", kHead + "sample: ${file:/none}\n",
       "f.yaml:4:9: `sample`: cannot read the file /none: No such file or directory"},
      {"control characters are escaped", kHead + "sample: \"1\\e[31m\\n\"\n",
       "f.yaml:4:9: `sample`: write a number from 0 to 1, not `1\\x1b[31m\\n`"},
  });
}

TEST_CASE("mistakes of addresses") {
  const std::string rest = "\nupstream: postgresql://app@127.0.0.1/shop\n";
  check({
      {"a port alone", "listen: 6432" + rest,
       "f.yaml:1:9: `listen`: write host:port, such as `127.0.0.1:6432`, not `6432`"},
      {"no host", "listen: ':6432'" + rest,
       "f.yaml:1:9: `listen`: write host:port, such as `127.0.0.1:6432`, not `:6432`"},
      {"a port too large", "listen: 127.0.0.1:65536" + rest,
       "f.yaml:1:9: `listen`: write a port from 0 to 65535, not `65536`"},
      {"an address that is none", "listen: 127.0.0.300:6432" + rest,
       "f.yaml:1:9: `listen`: write host:port, such as `127.0.0.1:6432`, not `127.0.0.300:6432`"},
      {"IPv6 without brackets", "listen: '::1:6432'" + rest,
       "f.yaml:1:9: `listen`: write an IPv6 address in brackets, such as `[::1]:6432`, not "
       "`::1:6432`"},
      {"no IPv6 in the brackets", "listen: '[x]:6432'" + rest,
       "f.yaml:1:9: `listen`: write an IPv6 address between the brackets, not `x`"},
      {"a Unix socket", "listen: /tmp/.s.PGSQL.6432" + rest,
       "f.yaml:1:9: `listen`: write the directory and the port of a Unix socket, such as "
       "`/run/parallax:6432`, not `/tmp/.s.PGSQL.6432`"},
      {"a Unix socket with a port that is none", "listen: /tmp:0" + rest,
       "f.yaml:1:9: `listen`: write a port from 1 to 65535, not `0`"},
      {"admin open to all", kHead + "admin: {listen: '0.0.0.0:9188'}\n",
       "f.yaml:4:17: `admin.listen`: is not a loopback address, so it needs a token: write `admin: "
       "{token: "
       "'${file:/run/secrets/parallax-token}'}`, or listen on `127.0.0.1:9188`"},
      {"a short token", kHead + "admin: {token: x}\n",
       "f.yaml:4:16: `admin.token`: a token has at least 16 characters, without spaces and in "
       "ASCII"},
      {"a host with a port", kHead + "admin: {hosts: ['a:1']}\n",
       "f.yaml:4:17: `admin.hosts`: write the name or address that clients of the admin listener "
       "use, "
       "without a port"},
      {"metrics on IPv6", kHead + "metrics: {listen: '[::1]:9187'}\n",
       "f.yaml:4:19: `metrics.listen`: IPv6 is not in this version; write an IPv4 address, such as "
       "`127.0.0.1:9187`"},
      {"metrics where clients come", kHead + "metrics: {listen: 127.0.0.1:6432}\n",
       "f.yaml:4:19: `metrics.listen` is the same address as `listen`"},
      {"admin where metrics are",
       kHead + "metrics: {listen: 0.0.0.0:9187}\nadmin: {listen: localhost:9187}\n",
       "f.yaml:5:17: `admin.listen` is the same address as `metrics.listen`"},
  });
}

TEST_CASE("mistakes of the upstream") {
  const std::string at = "f.yaml:2:11: `upstream`: ";
  check({
      {"not a URL", with_upstream("mysql://app@127.0.0.1/shop"),
       at + "write `postgresql://user@host:5432/database`"},
      {"no host", with_upstream("postgresql:///shop"),
       at + "a host is missing: write `postgresql://user@host:5432/database`"},
      {"several hosts", with_upstream("postgresql://a,b/shop?sslmode=disable"),
       at + "write one host: several are not in this version"},
      {"a port that is none", with_upstream("postgresql://127.0.0.1:70000/shop"),
       at + "the port is not a number from 1 to 65535 (write `/`, `@` and `:` in a password as "
            "%2F, %40 "
            "and %3A)"},
      {"TLS that falls back", with_upstream("postgresql://app@db.example/shop?sslmode=prefer"),
       at +
           "write `sslmode=` disable, require, verify-ca or verify-full, not `prefer`, which falls "
           "back to plain TCP in silence"},
      {"TLS on a Unix socket", with_upstream("postgresql://app@%2Frun%2Fpg/shop?sslmode=require"),
       at + "PostgreSQL has no TLS on Unix sockets: write `sslmode=disable`, not `require`"},
      {"half a client certificate",
       with_upstream("postgresql://app@db.example/shop?sslcert=client.crt"),
       at + "write `sslcert` and `sslkey` together"},
      {"an unknown parameter", with_upstream("postgresql://app@127.0.0.1/shop?sslmod=disable"),
       at + "invalid URI query parameter: \"sslmod\""},
      {"an address behind the host",
       with_upstream("postgresql://app@localhost/shop?hostaddr=127.0.0.1"),
       at + "`hostaddr` is not possible here: write the host and port themselves"},
      {"itself", with_upstream("postgresql://app@localhost:6432/shop"),
       "f.yaml:2:11: `upstream` is the own `listen` address, 127.0.0.1:6432: every connection "
       "would come "
       "back to Parallax"},
  });
}

TEST_CASE("mistakes of the shadow's URL") {
  check({
      {"TLS that falls back", with_shadow("postgresql://ro@db.example/shop?sslmode=prefer"),
       "f.yaml:5:8: `shadow.url`: write `sslmode=` disable, require, verify-ca or verify-full, not "
       "`prefer`, which falls back to plain TCP in silence"},
      {"a timeout of its own", with_shadow("postgresql:///?connect_timeout=3"),
       "f.yaml:5:8: `shadow.url`: `connect_timeout`: write it as `shadow.pool.connect_timeout`"},
      {"options", with_shadow("postgresql:///?options=-cjit%3Doff"),
       "f.yaml:5:8: `shadow.url`: `options` is not possible here"},
      {"Parallax itself", with_shadow("postgresql://127.0.0.1:6432"),
       "f.yaml:5:8: `shadow.url` is the own `listen` address, 127.0.0.1:6432: replays would come "
       "back to "
       "Parallax"},
      {"nobody to log in", with_upstream("postgresql://127.0.0.1") + kRule,
       "f.yaml:2:11: the rules need a user and a database: write it in `shadow.url` or `upstream`, "
       "`postgresql://user@host:5432/database`"},
      {"no database",
       with_upstream("postgresql://127.0.0.1") + "shadow: {url: 'postgresql://ro@'}\n" + kRule,
       "f.yaml:3:15: the rules need a database: write it in `shadow.url` or `upstream`, "
       "`postgresql://user@host:5432/database`"},
  });
}

TEST_CASE("mistakes of rules") {
  const std::string plain =
      "write the SQL in quotes or as a block (`|`): YAML cuts a plain text at ` #` without a word";
  check({
      {"no rewrite", rule("    legacy: 'select 1'\n"),
       "f.yaml:5:3: `rules.a` has no `rewrite`: write the statement to compare it with"},
      {"no legacy", rule("    rewrite: 'select 1'\n"),
       "f.yaml:5:3: `rules.a` has no `legacy`: write the statement that the client sends"},
      {"plain SQL", rule("    legacy: select 1 # one\n    rewrite: 'select 1'\n"),
       "f.yaml:6:13: `rules.a.legacy`: " + plain},
      {"empty SQL", rule("    legacy: ' '\n    rewrite: 'select 1'\n"),
       "f.yaml:6:13: `rules.a.legacy`: the SQL is empty"},
      {"no statement", rule("    legacy: {}\n    rewrite: 'select 1'\n"),
       "f.yaml:6:13: `rules.a.legacy`: write at least one statement"},
      {"a statement's name", rule("    legacy: {a.b: 'select 1'}\n    rewrite: 'select 1'\n"),
       "f.yaml:6:14: a statement's name is a letter or _, then letters, digits and _: links write "
       "it as `:name.column`"},
      {"not a mapping", kHead + "rules:\n  a: 'select 1'\n",
       "f.yaml:5:6: `rules.a`: write keys with values, `key: value`, not a single value"},
      {"rules as a list", kHead + "rules:\n  - a\n",
       "f.yaml:5:3: `rules`: write keys with values, `key: value`, not a list"},
      {"no name", kHead + "rules:\n  '': {legacy: 'select 1', rewrite: 'select 1'}\n",
       "f.yaml:5:3: a rule needs a name"},
      {"a name with a line end",
       kHead + "rules:\n  \"a\\nb\": {legacy: 'select 1', rewrite: 'select 1'}\n",
       "f.yaml:5:3: a rule's name has no control characters"},
      {"a long name",
       kHead + "rules:\n  " + std::string(201, 'n') +
           ": {legacy: 'select 1', rewrite: 'select 1'}\n",
       "f.yaml:5:3: a rule's name has at most 200 bytes; this one has 201"},
      {"when",
       rule("    legacy: 'select 1'\n    rewrite: 'select 1'\n    compare: {when: later}\n"),
       "f.yaml:8:21: `rules.a.compare.when`: write `live` or `snapshot`, not `later`"},
      {"compare",
       rule("    legacy: 'select 1'\n    rewrite: 'select 1'\n    compare: {json: {}}\n"),
       "f.yaml:8:21: `rules.a.compare.json`: write the JSON columns, `memberships: {each: [id, "
       "name]}`"},
      {"ignore without reason",
       rule("    legacy: 'select 1'\n    rewrite: 'select 1'\n    ignore: {x: ''}\n"),
       "f.yaml:8:17: `rules.a.ignore.x`: write the reason why this column is ignored"},
      {"ignore as a list",
       rule("    legacy: 'select 1'\n    rewrite: 'select 1'\n    ignore: [x]\n"),
       "f.yaml:8:13: `rules.a.ignore`: write keys with values, `key: value`, not a list"},
      {"a plain expression",
       rule("    legacy: 'select 1'\n    rewrite: 'select 1'\n    columns: {x: avg(y)}\n"),
       "f.yaml:8:18: `rules.a.columns.x`: " + plain},
      {"a rule's sample", rule("    legacy: 'select 1'\n    rewrite: 'select 1'\n    sample: 2\n"),
       "f.yaml:8:13: `rules.a.sample`: write a number from 0 to 1, not `2`"},
  });
}

TEST_CASE("mistakes of included files") {
  check({
      {"not a list", kHead + "include: more.yaml\n",
       "f.yaml:4:10: `include`: write a list, `[first, second]`, not a single value"},
      {"no such file", kHead + "include: [none.yaml, 'none/*.yaml']\n",
       "f.yaml:4:11: no file matches `none.yaml`\nf.yaml:4:22: no file matches `none/*.yaml`"},
      {"itself", kHead + "include: [f.yaml]\n", "f.yaml:4:11: the file includes itself"},
      {"more than rules", kHead + "include: [other.yaml]\n",
       "other.yaml:2:1: unknown key `listen`: an included file holds `rules` and nothing else"},
      {"no YAML", kHead + "include: [broken.yaml]\n",
       "broken.yaml:2:1: not valid YAML: end of sequence flow not found"},
      {"a name in two files", kHead + kRule + "include: ['*.yaml']\n",
       "again.yaml:2:3: the rule `a` stands also in f.yaml:5:3"},
  });
}

TEST_CASE("all problems are told at once, in the order of the file") {
  check(
      {{"many",
        "listen: 6432\nsample: 2\nrules:\n  a: {legacy: 'x'}\nupstream: "
        "postgresql://h/d?sslmode=x\n",
        "f.yaml:1:9: `listen`: write host:port, such as `127.0.0.1:6432`, not `6432`\n"
        "f.yaml:2:9: `sample`: write a number from 0 to 1, not `2`\n"
        "f.yaml:4:3: `rules.a` has no `rewrite`: write the statement to compare it with\n"
        "f.yaml:5:11: `upstream`: write `sslmode=` disable, require, verify-ca or verify-full, not "
        "`x`"}});
}

TEST_CASE("no password is ever quoted") {
  const MemoryFiles files = world();
  for (const char* url : {
           "postgresql://app:hunter2@127.0.0.1:x/shop",
           "postgresql://app:hunter2@127.0.0.1/shop?x=1",
           "postgresql://app:hunter2@127.0.0.1/shop?password",
           "postgresql://app:hunter2@[::1/shop",
           "postgresql://app:hunter2@127.0.0.1/shop?password=hunter2&sslmode=prefer",
           "postgresql://app:%zzhunter2@127.0.0.1/shop",
           "postgresql://app:a/hunter2@127.0.0.1/shop",
           "postgresql://app:hunter2/b@127.0.0.1/shop",
           "postgresql://app:5/hunter2@127.0.0.1/shop?sslmode=disable",
           "postgresql://app:h@hunter2@[127.0.0.1/shop",
           "postgresql://app:hunter2@127.0.0.1 x/shop",
           "http://app:hunter2@127.0.0.1",
           "host=127.0.0.1 password=hunter2 sslmode=allow",
           "host=127.0.0.1 password=my hunter2",
           "host=127.0.0.1 password='hunter2",
           "host=127.0.0.1 password = hunter2 hunter2=1",
       }) {
    INFO(url);
    std::string text = "listen: 127.0.0.1:6432\nupstream: \"" + std::string(url) + "\"\n";
    CHECK_FALSE(files.problems(text).empty());
    CHECK(files.problems(text).find("hunter2") == std::string::npos);
    // At a place where it does not belong.
    text = "listen: \"" + std::string(url) + "\"\nmode: \"" + std::string(url) + "\"\n";
    CHECK(files.problems(text).find("hunter2") == std::string::npos);
    text = with_shadow("\"" + std::string(url) + "\"");
    CHECK(files.problems(text).find("hunter2") == std::string::npos);
  }
}

}  // namespace
}  // namespace parallax::proxy
