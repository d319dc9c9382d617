#pragma once

#include <string>
#include <string_view>

#include "shadow/compare/value_kind.h"

namespace parallax::shadow {

// "\x00ff".
std::string readable_hex(std::string_view cell);
// A binary cell as people read it; hex where its kind is not known well enough.
std::string readable_binary(ValueKind kind, std::string_view cell);

}  // namespace parallax::shadow
