#pragma once

// `${VAR}`, `${VAR:-default}` and `${file:/path}` in configuration values.

#include <string>
#include <string_view>

#include "proxy/value_parsers.h"

namespace parallax::proxy {

// What a variable or file gives is not expanded again. `default` stands for a variable that is
// unset or empty (as in a shell); without a default an unset variable is an error. A file loses one
// line end at its end; a relative path starts at `directory`. A `$` that is not followed by `{`
// stands for itself. Errors name the variable, never its value.
Parsed<std::string> expand(std::string_view text, const Environment& environment,
                           const FileSource& files, const std::string& directory);

// `path` seen from `directory` (empty: the working directory).
std::string path_from(const std::string& directory, const std::string& path);

}  // namespace parallax::proxy
