#include "proxy/learn.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

#include "proxy/loaded_config.h"
#include "proxy/log_report.h"
#include "proxy/render_learn.h"
#include "proxy/server.h"
#include "proxy/server_log.h"
#include "proxy/text.h"
#include "shadow/learn/proposal.h"
#include "shadow/learn/rewrites_file.h"
#include "shadow/learn/rule_yaml.h"

namespace parallax::proxy {
namespace {

std::string reason(int number) { return std::system_category().message(number); }

// The name of a listener, or KEY=VALUE. Nothing, or what is wrong with it.
std::string read_choice(const char* option, const std::string& text, const Config& config,
                        shadow::SideChoice& choice) {
  if (text.empty()) return {};
  const auto equals = text.find('=');
  if (equals != std::string::npos) {
    choice = {text.substr(0, equals), text.substr(equals + 1)};
    if (!choice.key.empty() && !choice.value.empty()) return {};
    return std::string(option) + ": write KEY=VALUE, such as application_name=new";
  }
  choice.value = text;
  std::string names;
  for (const auto& listener : config.listeners) {
    if (listener.name == text) return {};
    names += (names.empty() ? "`" : ", `") + listener.name + '`';
  }
  return std::string(option) + ": there is no listener " + quoted_value(text) + ", there is " +
         names + "; or write KEY=VALUE, such as application_name=new";
}

// What can be found before anything is served: it would be a pity to lose what was learnt.
std::string prepare(const LearnCommand& command, const Config& config, shadow::LearnChoice& choice,
                    shadow::StatementLog& log) {
  for (auto problem : {read_choice("--legacy", command.legacy, config, choice.legacy),
                       read_choice("--rewrite", command.rewrite, config, choice.rewrite)})
    if (!problem.empty()) return problem;
  if (!command.rewrites_file.empty()) {
    std::ifstream file(command.rewrites_file);
    std::stringstream text;
    text << file.rdbuf();
    if (!file) return escaped(command.rewrites_file) + ": " + reason(errno);
    const auto read = shadow::read_rewrites(text.str());
    auto problem = std::holds_alternative<std::string>(read)
                       ? std::get<std::string>(read)
                       : shadow::add_rewrites(std::get<0>(read), log);
    if (!problem.empty()) return escaped(command.rewrites_file) + ": " + escaped(problem);
  }
  std::error_code unknown;
  const bool there = std::filesystem::exists(command.out_file, unknown);
  if (command.out_file.empty() || command.force || !there) return {};
  return escaped(command.out_file) + " is there already: --force writes over it";
}

bool write_rules(const std::string& file, const std::string& yaml, std::ostream& err) {
  std::ofstream out(file, std::ios::trunc);
  out << yaml;
  out.close();
  if (out) return true;
  err << escaped(file) << ": " << reason(errno) << '\n';
  return false;
}

bool has_side(const shadow::LearnedTraffic& traffic, shadow::Side side) {
  return std::ranges::any_of(traffic.statements,
                             [side](const auto& one) { return one.side == side; });
}

}  // namespace

int learn(const LearnCommand& command, const Environment& environment, const TerminalStyle& style,
          std::ostream& out, std::ostream& err) {
  auto loaded = load_with_rules(command.config_file, environment, false);
  if (const auto* problems = std::get_if<std::vector<shadow::ConfigProblem>>(&loaded)) {
    for (const auto& problem : *problems) err << escaped(problem.text()) << '\n';
    return kExitUsage;
  }
  auto& served = std::get<LoadedConfig>(loaded);
  shadow::StatementLog statements;
  LearnSetup setup{.log = statements, .choice = {}, .until_idle = command.until_idle};
  if (const auto problem = prepare(command, served.config, setup.choice, statements);
      !problem.empty()) {
    err << problem << '\n';
    return kExitUsage;
  }
  const auto rules = served.rules;
  const auto window = served.config.shadow.window;
  Log log(log_level(served.config.log_level).value_or(LogLevel::info),
          served.config.log_json ? LogFormat::json : LogFormat::text);
  LogReport report(log);
  try {
    Server server(std::move(served), report, log, &setup);
    server.start();
    log_addresses(log, server);
    log.write(LogLevel::info,
              "learning: nothing is compared; a signal (^C) ends it and writes the rules");
    server.run();
  } catch (const std::exception& error) {
    log.write(LogLevel::error, error.what());
    return kExitNo;
  }
  auto traffic = statements.take();
  const auto proposals = shadow::propose_rules(traffic, *rules, window);
  if (!command.rewrite.empty() && !has_side(traffic, shadow::Side::rewrite))
    err << "no SELECT was of the rewrite, --rewrite " << escaped(command.rewrite) << '\n';
  if (!has_side(traffic, shadow::Side::legacy)) err << "no SELECT was of legacy\n";
  const bool apart = !command.out_file.empty();
  (apart ? out : err) << render_traffic(traffic, proposals, style);
  const auto yaml = shadow::rules_yaml(proposals.rules);
  if (!apart) {
    out << yaml;
    return kExitFine;
  }
  if (!write_rules(command.out_file, yaml, err)) {
    out << yaml;  // what was learnt is not lost
    return kExitNo;
  }
  out << "rules: " << escaped(command.out_file) << '\n';
  return kExitFine;
}

}  // namespace parallax::proxy
