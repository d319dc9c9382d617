#pragma once

// One line of a journal, read.

#include <string>
#include <variant>

#include "shadow/evidence/rule_evidence.h"

namespace parallax::shadow {

struct EvidenceLine {
  enum class Kind { verdict, summary, state, sample, other };
  Kind kind = Kind::other;
  std::string rule;
  std::string version;
  EvidenceTime time;
  std::string instance;     // empty: the line does not say
  std::string id;           // of a verdict or a sample
  std::string identity;     // two lines that have the same are one
  VersionEvidence content;  // of this line alone
  // Of a sample, which is no evidence:
  bool vacuous = false;
  std::size_t values = 0;  // hash of its parameters, user and settings
};

// Or why it is none.
std::variant<EvidenceLine, std::string> read_evidence_line(const std::string& text);

// Adds the content of a line to what is known of its version; of examples the latest are kept.
void add_line(VersionEvidence& version, EvidenceLine line, std::size_t examples);

}  // namespace parallax::shadow
