// Wires the program: reads the command line and the configuration, builds the server, runs it.

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
#include "proxy/loaded_config.h"
#include "proxy/log.h"
#include "proxy/log_report.h"
#include "proxy/server.h"

namespace parallax::proxy {
namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void log_addresses(Log& log, const Server& server, const std::string& upstream) {
  log.write(LogLevel::info, "listening on " + server.address() + " upstream=" + upstream);
  if (const auto address = server.metrics_address(); !address.empty()) {
    log.write(LogLevel::info, "metrics on http://" + address + "/metrics");
  }
  if (const auto address = server.admin_address(); !address.empty()) {
    log.write(LogLevel::info, "admin on http://" + address + "/ (/healthz, /readyz)");
  }
}

int run(const RunCommand& command) {
  auto loaded = load_with_rules(command.config_file, environment, command.dev);
  if (const auto* problems = std::get_if<std::vector<shadow::ConfigProblem>>(&loaded)) {
    for (const auto& problem : *problems) std::cerr << problem.text() << "\n";
    return kExitUsage;
  }
  auto& [config, rules] = std::get<LoadedConfig>(loaded);
  Log log(log_level(config.log_level).value_or(LogLevel::info));
  for (const auto& warning : config.warnings) log.write(LogLevel::warn, warning.text());
  const std::unique_ptr<shadow::Report> report =
      command.dev ? std::unique_ptr<shadow::Report>(
                        std::make_unique<DevReport>(std::cout, terminal_style(STDOUT_FILENO)))
                  : std::make_unique<LogReport>(log);
  try {
    const std::string upstream = config.upstream_url;
    Server server(std::move(config), std::move(rules), *report, log);
    server.start();
    log_addresses(log, server, upstream);
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
    return check_config(check->config_file, environment, std::cout, std::cerr);
  }
  return run(std::get<RunCommand>(command));
}

}  // namespace
}  // namespace parallax::proxy

int main(int argc, char** argv) {
  // A peer that has gone is an error code of the write, not a signal.
  std::signal(SIGPIPE, SIG_IGN);
  return parallax::proxy::run_command(argc, argv);
}
