#pragma once

// Samples of journals, by rule: so many of each, of different values, the latest. Public face of
// shadow/.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "shadow/evidence/rule_evidence.h"

namespace parallax::shadow {

struct JournalSample {
  EvidenceTime time;
  bool vacuous = false;    // both sides gave nothing
  std::size_t values = 0;  // hash of parameters, user and settings
  std::string line;        // as it stands in the journal
};

class SampleShelf {
 public:
  explicit SampleShelf(std::size_t of_each_rule) : of_each_rule_(of_each_rule) {}

  void add(const std::string& rule, JournalSample sample);
  // The lines of a rule, the latest first; a quarter at most, but one in any case, are vacuous.
  std::vector<std::string> lines(const std::string& rule) const;

 private:
  struct Shelf {
    std::vector<JournalSample> with_rows;  // the latest first
    std::vector<JournalSample> vacuous;
  };
  std::size_t vacuous_most() const;

  std::size_t of_each_rule_;
  std::map<std::string, Shelf> rules_;
};

}  // namespace parallax::shadow
