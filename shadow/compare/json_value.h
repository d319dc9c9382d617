#pragma once

// json and jsonb, read structurally.

#include <optional>
#include <string>
#include <string_view>

#include "shadow/compare/value_encoding.h"

namespace parallax::shadow {

struct JsonReading {
  // json_text (white space, escapes), json_order and numeric_scale (how numbers are written) can be
  // kept apart.
  KeptApart kept;
  // Of a key that occurs again in its object, only the last counts, as in jsonb; otherwise all of
  // them do, in their order.
  bool last_key_wins = false;
};

// The same bytes for the same value: keys of an object in any order, numbers by their exact decimal
// value, strings by their characters. False: no JSON, or nested deeper than kJsonDepthMax; a part
// may then have been appended.
bool append_json(std::string_view text, const JsonReading& reading, std::string& out);

// The characters of a JSON string, from quote to quote; nothing for anything else.
std::optional<std::string> json_string(std::string_view text);

// Deeper values are compared by their bytes.
inline constexpr int kJsonDepthMax = 256;

}  // namespace parallax::shadow
