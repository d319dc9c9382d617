#include "proxy/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace parallax::proxy {
namespace {

// What follows the time, after its form is checked.
std::string after_time(const std::string& line) {
  static const std::regex form(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (.*)\n)");
  std::smatch match;
  INFO(line);
  REQUIRE(std::regex_match(line, match, form));
  return match[1];
}

std::string written(LogLevel level, std::initializer_list<LogField> fields,
                    std::string_view message) {
  std::ostringstream out;
  Log log(LogLevel::debug, out);
  log.write(level, fields, message);
  return after_time(out.str());
}

TEST_CASE("a line is time, level, fields, message") {
  CHECK(written(LogLevel::info, {{"session", "12"}}, "opened") == "info session=12 opened");
  CHECK(written(LogLevel::warn, {}, "100% {} {0}") == "warn 100% {} {0}");
  CHECK(written(LogLevel::error, {{"rule", "a b"}, {"side", "rewrite"}}, "x") ==
        "error rule=\"a b\" side=rewrite x");
  CHECK(written(LogLevel::debug, {{"a", ""}, {"b", "x=\"y\""}}, "x") ==
        "debug a=\"\" b=\"x=\\\"y\\\"\" x");
}

TEST_CASE("no text can make a second line or colour a terminal") {
  CHECK(written(LogLevel::info, {{"user", "a\nb\x1b[2J"}}, "one\r\ntwo\x1b[0m\xC2\x9B") ==
        "info user=a\\nb\\x1b[2J one\\r\\ntwo\\x1b[0m\\u{9b}");
}

TEST_CASE("lines above the level are not written") {
  std::ostringstream out;
  Log log(LogLevel::warn, out);
  log.write(LogLevel::info, "no");
  log.write(LogLevel::debug, "no");
  CHECK(out.str().empty());
  CHECK_FALSE(log.writes(LogLevel::info));
  log.write(LogLevel::warn, "yes");
  CHECK(after_time(out.str()) == "warn yes");
}

TEST_CASE("levels have names") {
  CHECK(log_level("error") == LogLevel::error);
  CHECK(log_level("debug") == LogLevel::debug);
  CHECK_FALSE(log_level("INFO"));
  CHECK_FALSE(log_level(""));
}

// stderr is a pipe for the time of the object.
class StderrPipe {
 public:
  StderrPipe() : saved_(dup(STDERR_FILENO)) {
    REQUIRE(pipe2(ends_, O_CLOEXEC) == 0);
    REQUIRE(dup2(ends_[1], STDERR_FILENO) == STDERR_FILENO);
    close(ends_[1]);
  }
  ~StderrPipe() {
    restore();
    close(ends_[0]);
  }
  void restore() {
    if (saved_ < 0) return;
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    saved_ = -1;
  }
  std::string read_all() {
    std::string text;
    char buffer[65536];
    for (ssize_t n = 0; (n = read(ends_[0], buffer, sizeof(buffer))) > 0;) {
      text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
  }

 private:
  int saved_;
  int ends_[2] = {-1, -1};
};

TEST_CASE("stderr gets every line, in order for each thread, before the log is gone") {
  StderrPipe pipe;
  {
    Log log(LogLevel::info);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&log, t] {
        for (int i = 0; i < 100; ++i)
          log.write(LogLevel::info, {{"t", std::to_string(t)}}, std::to_string(i));
      });
    }
    for (auto& thread : threads) thread.join();
  }
  pipe.restore();
  std::istringstream lines(pipe.read_all());
  std::vector<int> next(4, 0);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const std::string text = after_time(line + '\n');
    const auto thread = static_cast<std::size_t>(text.at(7) - '0');  // "info t=N i"
    CHECK(text == "info t=" + std::to_string(thread) + ' ' + std::to_string(next.at(thread)++));
  }
  CHECK(count == 400);
}

TEST_CASE("as JSON a line is one object, whatever is in it") {
  std::ostringstream out;
  Log log(LogLevel::info, out, LogFormat::json);
  log.write(LogLevel::warn, {{"rule", "a \"b\"\n\xff"}, {"empty", ""}}, "x\ny {} % \\");
  log.write(LogLevel::debug, "not written");
  const std::string text = out.str();
  REQUIRE(std::count(text.begin(), text.end(), '\n') == 1);
  static const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)");
  const auto line = nlohmann::ordered_json::parse(text);
  CHECK(std::regex_match(line.at("ts").get<std::string>(), time));
  CHECK(line.at("level") == "warn");
  CHECK(line.at("message") == "x\\ny {} % \\");
  CHECK(line.at("rule") == "a \"b\"\\n\\xff");
  CHECK(line.at("empty") == "");
  CHECK(line.begin().key() == "ts");
}

TEST_CASE("a stalled stderr stops nobody, and what was lost is told") {
  StderrPipe pipe;
  const std::string long_line(100, 'x');
  auto log = std::make_unique<Log>(LogLevel::info);
  // More than pipe and queue hold while nobody reads: a log that waits would hang here.
  for (std::size_t i = 0; i < 2 * kLogQueueLines; ++i) log->write(LogLevel::info, long_line);
  std::string text;
  std::thread reader([&] { text = pipe.read_all(); });
  log.reset();
  pipe.restore();  // closes the last writing end: the reader ends
  reader.join();
  CHECK(text.find("log lines were lost: the output is too slow") != std::string::npos);
  CHECK(text.size() < 2 * kLogQueueLines * long_line.size());
}

}  // namespace
}  // namespace parallax::proxy
