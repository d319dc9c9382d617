#include "shadow/journal/journal_file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/unit/shadow/journal/journal_support.h"

namespace parallax::shadow::tests {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

std::unique_ptr<JournalFile> opened(const std::string& path, std::size_t bytes = 1 << 20,
                                    std::size_t files = 3) {
  auto result = JournalFile::open(path, bytes, files);
  if (const auto* error = std::get_if<std::string>(&result)) FAIL(*error);
  return std::get<std::unique_ptr<JournalFile>>(std::move(result));
}

std::string error_of(const std::string& path) {
  const auto result = JournalFile::open(path, 1 << 20, 3);
  const auto* error = std::get_if<std::string>(&result);
  return error == nullptr ? "" : *error;
}

TEST_CASE("a new file is the owner's alone, an old one is gone on with") {
  const TemporaryDirectory directory;
  const auto path = directory.file("j");
  CHECK(opened(path)->append("one").empty());
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(opened(path)->append("two").empty());
  CHECK(lines_of(path) == Lines{"one", "two"});
}

TEST_CASE("a line that a crash has torn is ended before the next") {
  const TemporaryDirectory directory;
  const auto path = directory.file("j");
  std::ofstream(path) << "whole\nto";
  const auto file = opened(path);
  CHECK(lines_of(path) == Lines{"whole", "to"});
  CHECK(file->append("next").empty());
  CHECK(file->append("last").empty());
  CHECK(lines_of(path) == Lines{"whole", "to", "next", "last"});
}

TEST_CASE("what cannot be a journal is refused with the reason") {
  const TemporaryDirectory directory;
  CHECK(error_of(directory.file("none/j")) == "No such file or directory");
  CHECK(error_of(directory.path) == "Is a directory");
  CHECK(error_of("/dev/null") == "not a regular file");
  const auto fifo = directory.file("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(error_of(fifo) == "not a regular file");
}

TEST_CASE("a full file becomes .1, the oldest goes") {
  const TemporaryDirectory directory;
  const auto path = directory.file("j");
  const auto file = opened(path, 12, 3);
  for (int i = 0; i < 10; ++i) REQUIRE(file->append("line" + std::to_string(i)).empty());
  CHECK(lines_of(path) == Lines{"line8", "line9"});
  CHECK(lines_of(path + ".1") == Lines{"line6", "line7"});
  CHECK(lines_of(path + ".2") == Lines{"line4", "line5"});
  CHECK_FALSE(fs::exists(path + ".3"));
  CHECK(file->append("longer than a file may be").empty());
  CHECK(file->append("x").empty());
  CHECK(lines_of(path + ".1") == Lines{"longer than a file may be"});
}

TEST_CASE("of one file the content goes when it is full") {
  const TemporaryDirectory directory;
  const auto path = directory.file("j");
  const auto file = opened(path, 12, 1);
  for (int i = 0; i < 5; ++i) REQUIRE(file->append("line" + std::to_string(i)).empty());
  CHECK(lines_of(path) == Lines{"line4"});
  CHECK_FALSE(fs::exists(path + ".1"));
}

TEST_CASE("a file that was moved away or removed is opened again") {
  const TemporaryDirectory directory;
  const auto path = directory.file("j");
  const auto file = opened(path);
  CHECK(file->append("one").empty());
  fs::rename(path, path + ".moved");
  file->check();
  CHECK(file->append("two").empty());
  CHECK(lines_of(path + ".moved") == Lines{"one"});
  CHECK(lines_of(path) == Lines{"two"});
  fs::remove(path);
  file->check();
  CHECK(file->append("three").empty());
  CHECK(lines_of(path) == Lines{"three"});
}

TEST_CASE("while the directory is gone lines are lost, and nothing after") {
  const TemporaryDirectory directory;
  const auto inner = directory.path / "inner";
  fs::create_directory(inner);
  const auto path = (inner / "j").string();
  const auto file = opened(path);
  fs::remove_all(inner);
  file->check();
  CHECK(file->append("lost") == "No such file or directory");
  fs::create_directory(inner);
  CHECK(file->append("back").empty());
  CHECK(lines_of(path) == Lines{"back"});
}

TEST_CASE("a line that does not fit on the disk leaves nothing behind") {
  const TemporaryDirectory directory;
  const auto path = directory.file("j");
  const auto file = opened(path);
  REQUIRE(file->append("0123456789").empty());
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto* handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{16, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto error = file->append("0123456789");
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK(error == "File too large");
  CHECK(file->append("after").empty());
  CHECK(lines_of(path) == Lines{"0123456789", "after"});
}

}  // namespace
}  // namespace parallax::shadow::tests
