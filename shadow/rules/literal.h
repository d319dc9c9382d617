#pragma once

// String constants of SQL, decoded as the server's lexer does with standard_conforming_strings on.

#include <optional>
#include <string>
#include <string_view>

namespace parallax::shadow {

// `source`: one whole constant as it stands: '...', E'...', $tag$...$tag$, U&'...', B'...' or
// X'...', continuation lines included. Bit strings become the text that bit's input function reads
// (b101, x1F). Nothing when an escape is malformed or the result is no UTF-8. `unicode_escape`: the
// escape character of U&'...'.
std::optional<std::string> decode_string(std::string_view source, char unicode_escape = '\\');

}  // namespace parallax::shadow
