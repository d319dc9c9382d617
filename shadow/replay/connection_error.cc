#include "shadow/replay/connection_error.h"

#include <algorithm>
#include <cctype>

namespace parallax::shadow {

namespace {

constexpr std::size_t kSqlstateLength = 5;

bool is_sqlstate(std::string_view text) {
  return text.size() == kSqlstateLength && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

}  // namespace

ConnectionError connection_error(std::string_view message) {
  ConnectionError error;
  error.what = std::string(message.substr(0, message.find('\n')));
  // "SEVERITY:  SQLSTATE: text"; the severity may be translated, the two blanks after its colon
  // stay.
  for (auto at = error.what.find(":  "); at != std::string::npos;
       at = error.what.find(":  ", at + 1)) {
    const auto begin = at + 3;
    const auto rest = std::string_view(error.what).substr(begin);
    if (is_sqlstate(rest.substr(0, kSqlstateLength)) && rest.substr(kSqlstateLength, 2) == ": ") {
      error.sqlstate = rest.substr(0, kSqlstateLength);
      error.what.erase(begin, kSqlstateLength + 2);
      break;
    }
  }
  return error;
}

bool is_too_many_connections(const ConnectionError& error) {
  if (error.sqlstate == "53300") return true;
  std::string lower(error.what);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* text :
       {"too many connections", "too many clients", "no more connections allowed",
        "max client connections reached", "emaxconn"}) {
    if (lower.find(text) != std::string::npos) return true;
  }
  return false;
}

bool is_lasting(const ConnectionError& error) {
  return error.sqlstate.starts_with("28") || error.sqlstate == "3D000";
}

}  // namespace parallax::shadow
