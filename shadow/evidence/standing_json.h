#pragma once

// The standings as one JSON object, for programs. Public face of shadow/.

#include <string>

#include "shadow/evidence/standing.h"

namespace parallax::shadow {

// `command`: whose answer it is. Ends with a line end.
std::string standings_json(const Standings& standings, const JournalEvidence& evidence,
                           const std::string& command);

}  // namespace parallax::shadow
