// Wires the program: reads the command line and the configuration, builds the server, runs it.

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "proxy/check.h"
#include "proxy/command_line.h"
#include "proxy/dev_report.h"
#include "proxy/evidence_commands.h"
#include "proxy/held_signals.h"
#include "proxy/learn.h"
#include "proxy/loaded_config.h"
#include "proxy/log.h"
#include "proxy/log_report.h"
#include "proxy/mode_command.h"
#include "proxy/server.h"
#include "proxy/server_log.h"
#include "proxy/terminal.h"

namespace parallax::proxy {
namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// Two descriptors for each session, and the soft limit is 1024 on most systems.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(const RunCommand& command) {
  // The switch must not end a process that does not listen for it yet.
  hold_signals(kSwitchSignals, true);
  auto loaded = load_with_rules(command.config_file, environment, command.dev);
  if (const auto* problems = std::get_if<std::vector<shadow::ConfigProblem>>(&loaded)) {
    for (const auto& problem : *problems) std::cerr << problem.text() << "\n";
    return kExitUsage;
  }
  auto& served = std::get<LoadedConfig>(loaded);
  const Config& config = served.config;
  if (const auto problem = open_journal(served)) {
    std::cerr << problem->text() << "\n";
    return kExitUsage;
  }
  if (const auto problem = open_state_dir(served)) {
    std::cerr << problem->text() << "\n";
    return kExitUsage;
  }
  // Before the first thread, which would be ended by one. Ended by a signal is not ended cleanly.
  hold_signals(kEndSignals, true);
  Log log(log_level(config.log_level).value_or(LogLevel::info),
          config.log_json ? LogFormat::json : LogFormat::text);
  for (const auto& warning : config.warnings) log.write(LogLevel::warn, warning.text());
  const std::unique_ptr<shadow::Report> report =
      command.dev ? std::unique_ptr<shadow::Report>(
                        std::make_unique<DevReport>(std::cout, terminal_style(STDOUT_FILENO)))
                  : std::make_unique<LogReport>(log);
  raise_descriptor_limit();
  try {
    Server server(std::move(served), *report, log);
    server.begin_modes(environment("VALIDATE_QUERIES"));
    server.reloads_from(
        [&command] { return load_with_rules(command.config_file, environment, command.dev); });
    server.start();
    log_addresses(log, server);
    hold_signals(kEndSignals, false);
    hold_signals(kSwitchSignals, false);
    server.run();
    log.write(LogLevel::info, "stopped");
    return kExitFine;
  } catch (const std::exception& error) {
    log.write(LogLevel::error, error.what());
    return kExitNo;
  }
}

int run_command(int argc, char** argv) {
  const auto command = parse_command_line(argc, argv);
  if (const auto* end = std::get_if<EndCommand>(&command)) {
    (end->exit_status == kExitFine ? std::cout : std::cerr) << end->text;
    return end->exit_status;
  }
  if (const auto* check = std::get_if<CheckCommand>(&command)) {
    return check_config(*check, environment, terminal_style(STDOUT_FILENO), std::cout, std::cerr);
  }
  if (const auto* learning = std::get_if<LearnCommand>(&command)) {
    raise_descriptor_limit();
    const int told = learning->out_file.empty() ? STDERR_FILENO : STDOUT_FILENO;
    return learn(*learning, environment, terminal_style(told), std::cout, std::cerr);
  }
  if (const auto* report = std::get_if<ReportCommand>(&command))
    return report_evidence(*report, environment, terminal_style(STDOUT_FILENO), std::cout,
                           std::cerr);
  if (const auto* ready = std::get_if<ReadyCommand>(&command))
    return judge_readiness(*ready, environment, terminal_style(STDOUT_FILENO), std::cout,
                           std::cerr);
  if (const auto* replay = std::get_if<ReplayCommand>(&command))
    return replay_journalled(*replay, environment, terminal_style(STDOUT_FILENO), std::cout,
                             std::cerr);
  if (const auto* mode = std::get_if<ModeCommand>(&command)) {
    return mode_command(*mode, environment, std::cout, std::cerr);
  }
  return run(std::get<RunCommand>(command));
}

}  // namespace
}  // namespace parallax::proxy

int main(int argc, char** argv) {
  // libuv lets name look-ups have half of its threads, four without this: a name server that is
  // away for one server must not hold up logins to another.
  ::setenv("UV_THREADPOOL_SIZE", "16", 0);
  // A peer that has gone is an error code of the write, not a signal.
  std::signal(SIGPIPE, SIG_IGN);
  // So is a file that may not grow any more.
  std::signal(SIGXFSZ, SIG_IGN);
  return parallax::proxy::run_command(argc, argv);
}
