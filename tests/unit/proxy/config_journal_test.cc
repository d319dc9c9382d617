#include <catch2/catch.hpp>
#include <string>
#include <variant>

#include "tests/unit/proxy/config_support.h"

namespace parallax::proxy {
namespace {

const std::string kHead = "listen: 127.0.0.1:6432\nupstream: 'postgresql://app@db:5432/shop'\n";

Config config_of(const MemoryFiles& files, const std::string& text) {
  auto parsed = files.parse(kHead + text);
  if (const auto* problems = std::get_if<std::vector<shadow::ConfigProblem>>(&parsed)) {
    FAIL(problems->front().text());
  }
  return std::get<Config>(std::move(parsed));
}

TEST_CASE("without journal nothing is kept of values") {
  const auto config = config_of({}, "");
  CHECK_FALSE(config.journal);
  CHECK_FALSE(config.shadow.keep_values);
}

TEST_CASE("journal: path alone has its defaults, and a warning that the key is passing") {
  const auto config = config_of({}, "journal: {path: logs/j.jsonl}\n");
  REQUIRE(config.journal);
  const auto& options = config.journal->options;
  CHECK(options.path == "logs/j.jsonl");
  CHECK_FALSE(options.full_values);
  CHECK(options.key.empty());
  CHECK(options.max_bytes == 64U * 1024 * 1024);
  CHECK(options.max_files == 5);
  CHECK(options.rate == 10);
  CHECK(config.shadow.keep_values);
  CHECK(config.journal->path_mark.line == 3);
  REQUIRE(config.warnings.size() == 1);
  CHECK(config.warnings[0].text().find("f.yaml:3:") == 0);
  CHECK(config.warnings[0].message.find("no `key`") != std::string::npos);
}

TEST_CASE("journal: every key is read") {
  MemoryFiles files;
  files.files["/run/key"] = "0123456789abcdef\n";
  const auto config = config_of(files,
                                "journal: {path: /var/j, values: full, key: '${file:/run/key}',"
                                " max_bytes: 1MiB, max_files: 2, rate: 100}\n");
  const auto& options = config.journal->options;
  CHECK(options.path == "/var/j");
  CHECK(options.full_values);
  CHECK(options.key == "0123456789abcdef");
  CHECK(options.max_bytes == 1024U * 1024);
  CHECK(options.max_files == 2);
  CHECK(options.rate == 100);
  CHECK(config.warnings.empty());
}

TEST_CASE("journal: mistakes are told with their place, a key is not") {
  const auto problems = [](const std::string& text) {
    return MemoryFiles().problems(kHead + text);
  };
  CHECK(problems("journal: {values: full}\n").find("needs `path`") != std::string::npos);
  CHECK(problems("journal: {path: j, values: none}\n") ==
        "f.yaml:3:28: `journal.values`: write `hashed` or `full`, not `none`\n");
  CHECK(problems("journal: {path: j, max_bytes: 1KiB}\n").find("f.yaml:3:31:") == 0);
  CHECK(problems("journal: {path: j, max_files: 0}\n").find("`journal.max_files`") !=
        std::string::npos);
  CHECK(problems("journal: {path: j, vlaues: full}\n").find("`values`") != std::string::npos);
  const auto short_key = problems("journal: {path: j, key: secret-key}\n");
  CHECK(short_key.find("the key has 10 bytes; it needs 16") != std::string::npos);
  CHECK(short_key.find("secret") == std::string::npos);
}

}  // namespace
}  // namespace parallax::proxy
