#pragma once

// What verdict and summary lines have in common.

#include <nlohmann/json.hpp>
#include <string>

#include "shadow/journal/journal_lines.h"

namespace parallax::shadow {

using JournalJson = nlohmann::ordered_json;  // fields in the order in which they are written

// 2026-11-24T22:49:33.123Z
std::string journal_time(JournalTime time);

// Version, type, time, rule and its version, key: what each line begins with.
JournalJson begin_line(const char* type, JournalTime time, const Rule& rule, const KeyedHash& hash);

std::string dumped(const JournalJson& json);

}  // namespace parallax::shadow
