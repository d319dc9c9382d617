// Runs a fuzz target over every file of the directories given, without a fuzzer: the corpus as an
// ordinary test.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "tests/fuzz/fuzz_check.h"

namespace {

bool run_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> data{std::istreambuf_iterator<char>(file),
                               std::istreambuf_iterator<char>()};
  if (!file) return false;
  std::cerr << path.filename().string() << '\n';  // the last name printed is the one that failed
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(data.data()), data.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: " << argv[0] << " DIRECTORY...\n";
    return 2;
  }
  for (int i = 1; i < argc; ++i) {
    std::size_t files = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i], error)) {
      if (!entry.is_regular_file()) continue;
      if (!run_file(entry.path())) {
        std::cerr << "cannot read " << entry.path() << '\n';
        return 1;
      }
      ++files;
    }
    if (error || files == 0) {
      std::cerr << argv[i] << ": no corpus there\n";
      return 1;
    }
    std::cerr << argv[i] << ": " << files << " files\n";
  }
  return 0;
}
