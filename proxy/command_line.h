#pragma once

// The command line, read and judged; nothing is done here.

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shadow/evidence/standing.h"

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
// Which journals, and what of them.
struct EvidenceInput {
  std::vector<std::string> journals;
  std::string config_file;  // empty: none
  std::string since;        // empty: from the beginning
  std::optional<std::chrono::milliseconds> last;
};
struct ReportCommand {
  EvidenceInput input;
  std::string format = "text";
  std::string out_file;  // empty: standard output
  std::optional<std::size_t> min_comparisons;
  bool every_rule = false;
  std::size_t examples = 3;
};
struct ReadyCommand {
  EvidenceInput input;
  std::string format = "text";
  std::string rule;  // empty: all
  shadow::ReadyCriteria criteria;
  bool power = false;              // plant mistakes, and run what is recorded
  std::size_t power_samples = 32;  // recorded operations of each rule
};
struct ReplayCommand {
  std::vector<std::string> journals;
  std::string id;
  std::string config_file;
};
struct ModeCommand {
  std::string mode;  // off, shadow, strict, configured; empty: say what it is
  std::string config_file;
  std::string admin;  // http://HOST:PORT, in the place of the configuration's
  std::string token_file;
};
// --help, --version, or a mistake: print and end.
struct EndCommand {
  int exit_status = kExitFine;
  std::string text;  // to stdout when fine, otherwise to stderr
};
using Command = std::variant<RunCommand, CheckCommand, LearnCommand, ReportCommand, ReadyCommand,
                             ReplayCommand, ModeCommand, EndCommand>;

// `argv` as main() has it.
Command parse_command_line(int argc, const char* const* argv);

}  // namespace parallax::proxy
