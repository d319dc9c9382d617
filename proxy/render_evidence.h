#pragma once

// What journals say of the rules: as text for a terminal, as one HTML file, as JUnit XML. Pure. All
// that comes from a journal is escaped.

#include <string>

#include "proxy/terminal.h"
#include "shadow/evidence/standing.h"

namespace parallax::proxy {

std::string render_report_text(const shadow::Standings& standings, const TerminalStyle& style);
std::string render_ready_text(const shadow::Standings& standings, const TerminalStyle& style);
// Without anything from outside the file, and without a script.
std::string render_report_html(const shadow::Standings& standings);
// A test case for each rule: `failure` where it has failed, `error` where more comparisons are
// required, `skipped` where nothing was compared.
std::string render_report_junit(const shadow::Standings& standings);

// "match 12, mismatch 3"; empty for none.
std::string counts_text(const shadow::NamedCounts& counts);
// "1.2 ms"
std::string milliseconds_text(double seconds);
// For XML and HTML: markup is escaped, what XML 1.0 cannot hold becomes U+FFFD.
std::string markup(std::string_view text);

}  // namespace parallax::proxy
