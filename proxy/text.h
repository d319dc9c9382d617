#pragma once

// Text for eyes: nothing that a peer sent may move the cursor, end a line or colour a terminal.

#include <string>
#include <string_view>

namespace parallax::proxy {

// The length in bytes of the well-formed UTF-8 sequence at the start of `text`, 0 when there is
// none (Unicode, table 3-7).
std::size_t utf8_length(std::string_view text);
bool valid_utf8(std::string_view text);

// Nothing but white space.
bool is_blank(std::string_view text);

// Control characters (C0, DEL, C1), line separators, bidirectional overrides and bytes that are not
// UTF-8 become \n, \r, \t, \xHH or \u{H}; a backslash stays as it is.
std::string escaped(std::string_view text);

// Columns that `text` takes in a terminal; `text` has no control characters.
std::size_t display_width(std::string_view text);

// What a problem may quote of a configuration value: in `…`, escaped, cut at 60 bytes; "the value"
// when it may hold a password.
std::string quoted_value(std::string_view text);

}  // namespace parallax::proxy
