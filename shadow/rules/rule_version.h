#pragma once

#include <string>

#include "shadow/rule_source.h"

namespace parallax::shadow {

// The first 12 hexadecimal digits of SHA-256 over everything that a comparison depends on.
std::string rule_version(const RuleSource& source);

}  // namespace parallax::shadow
