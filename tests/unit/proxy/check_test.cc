#include "proxy/check.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "proxy/command_line.h"
#include "proxy/loaded_config.h"

namespace parallax::proxy {
namespace {

class Directory {
 public:
  Directory() { REQUIRE(mkdtemp(path_.data()) != nullptr); }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + '/' + name) << text;
    return path_ + '/' + name;
  }

 private:
  std::string path_ = "/tmp/parallax_check_XXXXXX";
};

struct Said {
  int status;
  std::string out;
  std::string err;
};
Said check(const std::string& file) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = check_config(
      {.config_file = file}, [](const std::string&) { return std::nullopt; }, {}, out, err);
  return {status, out.str(), err.str()};
}

const std::string kHead =
    "listen: 127.0.0.1:6432\nupstream: postgresql://app@127.0.0.1/shop?pgbouncer=true\n";

TEST_CASE("a fine configuration is one line, warnings apart") {
  const Directory directory;
  const std::string file = directory.write(
      "a.yaml",
      kHead +
          "rules:\n  one:\n    legacy: 'SELECT \"id\" FROM \"users\" WHERE \"id\" = :id'\n"
          "    rewrite: 'select \"id\" from \"users\" where \"id\" = :id'\n");
  const Said said = check(file);
  CHECK(said.status == kExitFine);
  CHECK(said.out == file + ": 1 rule, fine\n");
  CHECK(said.err ==
        file +
            ":2:11: warning: `upstream`: `pgbouncer` is for an ORM and is dropped from the URL\n");
  const std::string empty = directory.write("b.yaml", kHead);
  CHECK(check(empty).out == empty + ": 0 rules, fine\n");
}

TEST_CASE("--online has nothing to ask without rules") {
  const Directory directory;
  const auto online = [](const std::string& file) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = check_config(
        {.config_file = file, .online = true}, [](const std::string&) { return std::nullopt; }, {},
        out, err);
    return Said{status, out.str(), err.str()};
  };
  const std::string empty = directory.write("b.yaml", kHead);
  CHECK(online(empty).status == kExitFine);
  CHECK(online(empty).out == empty + ": 0 rules, fine\n0 rules\n");
}

TEST_CASE("a rewrite without legacy's ORDER BY is a warning at its place") {
  const Directory directory;
  const std::string file = directory.write(
      "a.yaml", kHead +
                    "rules:\n  one:\n    legacy: 'SELECT \"id\" FROM \"users\" ORDER BY \"id\"'\n"
                    "    rewrite: 'select \"id\" from \"users\"'\n");
  const Said said = check(file);
  CHECK(said.status == kExitFine);
  CHECK(said.out == file + ": 1 rule, fine\n");
  CHECK(said.err.find(file + ":6:15: warning: rule `one`: legacy has an ORDER BY and the rewrite "
                             "has none") != std::string::npos);
}

TEST_CASE("problems of the file are lines with their place, status 2") {
  const Directory directory;
  const std::string file = directory.write("a.yaml", kHead + "sample: 2\nmod: off\n");
  const Said said = check(file);
  CHECK(said.status == kExitUsage);
  CHECK(said.out.empty());
  CHECK(said.err == file + ":3:9: `sample`: write a number from 0 to 1, not `2`\n" + file +
                        ":4:1: unknown key `mod`, did you mean `mode`?\n");
  CHECK(check("/nonexistent/a.yaml").status == kExitUsage);
}

TEST_CASE("problems of the SQL have their place inside the SQL") {
  const Directory directory;
  const std::string file =
      directory.write("a.yaml", kHead +
                                    "rules:\n  one:\n    legacy: |\n      select x\n"
                                    "      from t where (a = :a\n    rewrite: 'select 1'\n");
  const Said said = check(file);
  CHECK(said.status == kExitUsage);
  CHECK(said.err.starts_with(file + ":"));
  INFO(said.err);
  const std::string line = said.err.substr(file.size() + 1, 1);
  CHECK((line == "6" || line == "7"));  // in the block, not at its head
}

TEST_CASE("--dev is refused for a listener that others can reach") {
  const Directory directory;
  const std::string file = directory.write(
      "a.yaml", "listen: 0.0.0.0:6432\nupstream: postgresql://app@127.0.0.1/shop\n");
  const Environment nothing = [](const std::string&) { return std::nullopt; };
  const auto loaded = load_with_rules(file, nothing, true);
  REQUIRE(std::holds_alternative<std::vector<shadow::ConfigProblem>>(loaded));
  CHECK(std::get<0>(load_with_rules(file, nothing, false)).rules->rules().empty());
}

}  // namespace
}  // namespace parallax::proxy
