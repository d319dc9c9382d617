#pragma once

// Reads journals, line by line, into evidence. What is no line of a journal is told with its place,
// and the rest is read all the same. A line that is read twice counts once. Memory goes with the
// rules, their versions and names, and 8 bytes or so a line (which are known again by their hash).
// Public face of shadow/.

#include <cstddef>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>

#include "shadow/evidence/rule_evidence.h"
#include "shadow/evidence/sample_shelf.h"

namespace parallax::shadow {

class JournalReader {
 public:
  struct Options {
    std::optional<EvidenceTime> since;  // earlier lines are left out, but for states
    std::size_t examples = 3;           // kept of each version
    std::string wanted_id = {};         // of the line to keep as it stands
    std::size_t samples = 0;            // kept of each rule
  };
  explicit JournalReader(Options options);
  ~JournalReader();

  // The file and those that it was rotated to (PATH.1, PATH.2, ...); `-`: standard input. A file
  // that has been read is not read again.
  void read_path(const std::string& path);
  void read(std::istream& lines, const std::string& name);

  const JournalEvidence& evidence() const;
  // The line of Options::wanted_id; empty: not there.
  const std::string& wanted_line() const;
  // Samples are no evidence, and belong to the rule, whatever its version.
  const SampleShelf& samples() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// 2026-11-24T22:49:33.123Z, 2026-11-24T22:49:33Z or 2026-11-24; nothing for anything else.
std::optional<EvidenceTime> read_journal_time(std::string_view text);

}  // namespace parallax::shadow
