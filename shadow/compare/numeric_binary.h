#pragma once

// A numeric in binary format (numeric_send() of the server: base 10000 digits, weight, sign,
// scale).

#include <string>
#include <string_view>

namespace parallax::shadow {

// The same bytes as NumericValue::append_canonical() for the same value, and behind them the scale
// when it is asked for. False: malformed; a part may then have been appended.
bool append_numeric_canonical(std::string_view cell, bool with_scale, std::string& out);
// As the server writes it. False: malformed.
bool append_numeric_text(std::string_view cell, std::string& out);

// What with_scale appends, for a numeric's text.
void append_numeric_scale(std::string_view text, std::string& out);

}  // namespace parallax::shadow
