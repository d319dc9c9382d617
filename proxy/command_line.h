#pragma once

// The command line, read and judged; nothing is done here.

#include <chrono>
#include <optional>
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
struct LearnCommand {
  std::string config_file;
  std::string legacy;   // what is of the old side; empty: all that is not of the new one
  std::string rewrite;  // what is of the new side
  std::string rewrites_file;
  std::optional<std::chrono::milliseconds> until_idle;
  std::string out_file;  // empty: standard output
  bool force = false;    // write over what is there
};
// --help, --version, or a mistake: print and end.
struct EndCommand {
  int exit_status = kExitFine;
  std::string text;  // to stdout when fine, otherwise to stderr
};
using Command = std::variant<RunCommand, CheckCommand, LearnCommand, EndCommand>;

// `argv` as main() has it.
Command parse_command_line(int argc, const char* const* argv);

}  // namespace parallax::proxy
