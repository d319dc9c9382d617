#pragma once

// The journal's settings; each with its key in the configuration. Public face of shadow/.

#include <cstddef>
#include <cstdint>
#include <string>

namespace parallax::shadow {

struct JournalOptions {
  std::string path;          // journal.path
  bool full_values = false;  // journal.values: full; otherwise hashed with the key
  std::string key;           // journal.key; empty = a random one of this process
  std::size_t max_bytes = std::size_t{64} * 1024 * 1024;  // journal.max_bytes, of one file
  std::size_t max_files = 5;                              // journal.max_files, with the current one
  std::string instance;                                   // of the process; empty = a random one
  std::size_t rate = 10;  // journal.rate: lines a second for each rule and verdict
};

// Tells journals of several processes apart.
std::string random_instance();

// Shorter keys can be found by trial.
inline constexpr std::size_t kJournalKeyBytesMin = 16;

}  // namespace parallax::shadow
