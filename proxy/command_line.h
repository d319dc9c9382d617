#pragma once

// The command line, read and judged; nothing is done here.

#include <string>
#include <variant>

namespace parallax::proxy {

// Exit statuses of all commands.
inline constexpr int kExitFine = 0;
inline constexpr int kExitNo = 1;     // the answer is no; the program failed while it ran
inline constexpr int kExitUsage = 2;  // usage or configuration

struct RunCommand {
  std::string config_file;
  bool dev = false;
};
struct CheckCommand {
  std::string config_file;
  bool online = false;
  bool plans = false;  // whole; with `online`
};
// --help, --version, or a mistake: print and end.
struct EndCommand {
  int exit_status = kExitFine;
  std::string text;  // to stdout when fine, otherwise to stderr
};
using Command = std::variant<RunCommand, CheckCommand, EndCommand>;

// `argv` as main() has it.
Command parse_command_line(int argc, const char* const* argv);

}  // namespace parallax::proxy
