// A journal that its writer rotates while it is read.

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "shadow/evidence/journal_reader.h"
#include "tests/unit/shadow/journal/journal_support.h"

namespace parallax::shadow::tests {
namespace {

std::string mismatch(const std::string& id) {
  const Json line = {
      {"v", 1},           {"type", "verdict"},    {"time", "2026-11-24T12:00:00.000Z"},
      {"rule", "r"},      {"version", "v1"},      {"key", "k"},
      {"id", "i1-" + id}, {"verdict", "mismatch"}};
  return line.dump() + '\n';
}

TEST_CASE("files that are renamed while older ones are read are read all the same") {
  const TemporaryDirectory directory;
  const auto journal = directory.file("j");
  std::ofstream(journal) << mismatch("3");
  std::ofstream(journal + ".1") << mismatch("2");
  // The oldest, which is read first, gives nothing before the others have moved.
  REQUIRE(::mkfifo((journal + ".2").c_str(), 0600) == 0);
  std::thread writer([&] {
    std::ofstream oldest(journal + ".2");  // waits for its reader, who has opened the others
    std::filesystem::rename(journal + ".1", directory.file("moved.1"));
    std::filesystem::rename(journal, directory.file("moved"));
    oldest << mismatch("1");
  });
  JournalReader reader({});
  reader.read_path(journal);
  writer.join();
  const auto& evidence = reader.evidence();
  CHECK(evidence.rules.at("r").versions.at("v1").verdict("mismatch") == 3);
  CHECK(evidence.problems_total == 0);
}

}  // namespace
}  // namespace parallax::shadow::tests
