#include "proxy/mode_control.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace parallax::proxy {
namespace {

using shadow::Mode;

struct Home {
  Home() {
    std::string pattern = (std::filesystem::temp_directory_path() / "parallax-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Home() { std::filesystem::remove_all(path); }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  std::string state() const { return path + "/state"; }
  std::string path;
};

// One run of the program.
struct Run {
  explicit Run(const std::string& directory, const std::optional<std::string>& validate = {})
      : log(LogLevel::info, out) {
    auto opened = StateDir::open(directory);
    REQUIRE(std::holds_alternative<std::unique_ptr<StateDir>>(opened));
    state = std::get<std::unique_ptr<StateDir>>(std::move(opened));
    control = std::make_unique<ModeControl>(Mode::shadow, state.get(), log, [this] { ++changes; });
    control->begin(validate);
  }
  std::optional<Mode> mode() const { return control->mode_switch().overridden(); }

  std::ostringstream out;
  Log log;
  int changes = 0;
  std::unique_ptr<StateDir> state;
  std::unique_ptr<ModeControl> control;
};

TEST_CASE("VALIDATE_QUERIES") {
  for (const char* text : {"false", "0", "off", "no", "FALSE", "Off"})
    CHECK(validate_queries(text) == false);
  for (const char* text : {"true", "1", "on", "yes", "True"}) CHECK(validate_queries(text) == true);
  for (const char* text : {"", " ", "maybe", "falsey"}) CHECK_FALSE(validate_queries(text));
  const Home home;
  {
    Run run(home.state(), "false");
    CHECK(run.mode() == Mode::off);
    run.control->end();
  }
  {
    Run run(home.state(), "nope");
    CHECK_FALSE(run.mode());
    CHECK(run.out.str().find("neither true nor false") != std::string::npos);
    run.control->end();
  }
}

TEST_CASE("the switch is kept, told at start, and cleared") {
  const Home home;
  {
    Run run(home.state());
    CHECK_FALSE(run.mode());
    CHECK(run.control->set(Mode::off, "the test").empty());
    CHECK(run.changes == 1);
    run.control->end();
  }
  struct stat status {};
  REQUIRE(::stat(home.state().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0700U);
  {
    Run run(home.state());
    CHECK(run.mode() == Mode::off);
    CHECK(run.control->state().override->by == "the test");
    CHECK(run.out.str().find("mode off by the switch since 2") != std::string::npos);
    CHECK(run.control->set(std::nullopt, "the test").empty());
    run.control->end();
  }
  Run run(home.state());
  CHECK_FALSE(run.mode());
}

TEST_CASE("what cannot be read is off") {
  const Home home;
  std::filesystem::create_directory(home.state());
  for (const char* text : {"", "{", "[]", "{\"mode\": \"on\"}", "{\"mode\": 1}", "off"}) {
    INFO(text);
    std::ofstream(home.state() + "/mode.json") << text;
    Run run(home.state());
    CHECK(run.mode() == Mode::off);
    CHECK(run.out.str().find("cannot be read") != std::string::npos);
    run.control->end();
  }
}

TEST_CASE("two unclean ends in a row start in off; a run that lasts does not count") {
  const Home home;
  { const Run killed(home.state()); }
  {
    Run second(home.state());
    CHECK_FALSE(second.mode());
    second.control->lasted();
  }
  { CHECK_FALSE(Run(home.state()).mode()); }  // the first in a row again
  {
    Run third(home.state());
    CHECK(third.mode() == Mode::off);
    third.control->set(std::nullopt, "the test");  // somebody has seen to it
  }
  CHECK_FALSE(Run(home.state()).mode());
}

TEST_CASE("clean ends between unclean ones") {
  const Home home;
  for (int i = 0; i < 3; ++i) {
    { const Run killed(home.state()); }
    Run clean(home.state());
    CHECK_FALSE(clean.mode());
    clean.control->end();
  }
}

TEST_CASE("a switch that cannot be kept holds all the same, and says so") {
  std::ostringstream out;
  Log log(LogLevel::info, out);
  ModeControl control(Mode::shadow, nullptr, log, [] {});
  control.begin({});
  CHECK(control.set(Mode::off, "the test").find("no `state_dir`") != std::string::npos);
  CHECK(control.mode_switch().overridden() == Mode::off);
}

TEST_CASE("a state directory is had by one process, and must be one") {
  const Home home;
  const auto first = StateDir::open(home.state());
  CHECK(std::get<std::string>(StateDir::open(home.state())) == "another process has it");
  CHECK(std::get<std::string>(StateDir::open(home.path + "/a/b")) == "No such file or directory");
  std::ofstream(home.path + "/file") << "x";
  CHECK(std::get<std::string>(StateDir::open(home.path + "/file")) == "Not a directory");
}

}  // namespace
}  // namespace parallax::proxy
