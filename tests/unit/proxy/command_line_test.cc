#include "proxy/command_line.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace parallax::proxy {
namespace {

Command parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "parallax");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}
EndCommand ended(const std::vector<const char*>& arguments) {
  const Command command = parse(arguments);
  REQUIRE(std::holds_alternative<EndCommand>(command));
  return std::get<EndCommand>(command);
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("run and check") {
  const auto run = std::get<RunCommand>(parse({"run", "-c", "a.yaml"}));
  CHECK(run.config_file == "a.yaml");
  CHECK_FALSE(run.dev);
  CHECK(std::get<RunCommand>(parse({"run", "--config=a.yaml", "--dev"})).dev);
  CHECK(std::get<CheckCommand>(parse({"check", "-c", "b.yaml"})).config_file == "b.yaml");
  CHECK_FALSE(std::get<CheckCommand>(parse({"check", "-c", "b.yaml"})).online);
  const auto online = std::get<CheckCommand>(parse({"check", "-c", "b.yaml", "--online"}));
  CHECK((online.online && !online.plans));
  CHECK(std::get<CheckCommand>(parse({"check", "-c", "b.yaml", "--online", "--plans"})).plans);
}

TEST_CASE("learn") {
  const auto plain = std::get<LearnCommand>(parse({"learn", "-c", "a.yaml"}));
  CHECK(plain.config_file == "a.yaml");
  CHECK((plain.legacy.empty() && plain.rewrite.empty() && plain.rewrites_file.empty()));
  CHECK((plain.out_file.empty() && !plain.force && !plain.until_idle));
  const auto whole = std::get<LearnCommand>(
      parse({"learn", "-c", "a.yaml", "--legacy", "old", "--rewrite", "application_name=new",
             "--rewrites", "r.json", "--until-idle", "30s", "--out", "o.yaml", "--force"}));
  CHECK(whole.legacy == "old");
  CHECK(whole.rewrite == "application_name=new");
  CHECK(whole.rewrites_file == "r.json");
  CHECK(whole.until_idle == std::chrono::seconds(30));
  CHECK((whole.out_file == "o.yaml" && whole.force));
  CHECK(ended({"learn"}).exit_status == kExitUsage);
  CHECK(ended({"learn", "-c", "a.yaml", "--force"}).exit_status == kExitUsage);
  CHECK(has(ended({"learn", "-c", "a.yaml", "--until-idle", "30"}).text, "`20s`"));
  CHECK(has(ended({"learn", "--help"}).text, "application_name=new"));
}

TEST_CASE("mode") {
  const auto asked = std::get<ModeCommand>(parse({"mode", "-c", "a.yaml"}));
  CHECK((asked.mode.empty() && asked.config_file == "a.yaml"));
  const auto set = std::get<ModeCommand>(
      parse({"mode", "off", "--admin", "http://127.0.0.1:9188", "--token-file", "t"}));
  CHECK((set.mode == "off" && set.admin == "http://127.0.0.1:9188" && set.token_file == "t"));
  for (const char* mode : {"shadow", "strict", "configured"})
    CHECK(std::get<ModeCommand>(parse({"mode", mode, "-c", "a"})).mode == mode);
  for (const std::vector<const char*>& wrong :
       {std::vector<const char*>{"mode"},
        {"mode", "off"},
        {"mode", "on", "-c", "a"},
        {"mode", "cutover", "-c", "a"},
        {"mode", "off", "-c", "a", "--admin", "http://b:1"}}) {
    CHECK(ended(wrong).exit_status == kExitUsage);
  }
  CHECK(has(ended({"mode", "off"}).text, "--admin http://HOST:PORT"));
}

TEST_CASE("help is enough to start") {
  const EndCommand help = ended({"--help"});
  CHECK(help.exit_status == kExitFine);
  for (const char* part :
       {"transparent PostgreSQL proxy", "run", "check", "listen: 127.0.0.1:6432",
        "upstream:", "legacy:", "rewrite:", "parallax run -c", "Exit status: 0"}) {
    INFO(part);
    CHECK(has(help.text, part));
  }
  const EndCommand run_help = ended({"run", "--help"});
  CHECK(run_help.exit_status == kExitFine);
  CHECK(has(run_help.text, "--dev"));
  CHECK(has(run_help.text, "-c,--config"));
}

TEST_CASE("version") {
  const EndCommand version = ended({"--version"});
  CHECK(version.exit_status == kExitFine);
  CHECK(version.text.starts_with("parallax 0."));
  CHECK(version.text.ends_with("\n"));
}

TEST_CASE("mistakes end with status 2, the reason and where to look") {
  const std::vector<std::vector<const char*>> mistakes = {
      {},
      {"serve"},
      {"run"},
      {"run", "-c"},
      {"run", "-c", "a", "--strict"},
      {"check"},
      {"check", "-c", "a", "--dev"},
      {"check", "-c", "a", "--plans"},
      {"run", "-c", "a", "b"},
      {"--dev"},
  };
  for (const auto& arguments : mistakes) {
    const EndCommand end = ended(arguments);
    INFO(end.text);
    CHECK(end.exit_status == kExitUsage);
    CHECK(end.text.starts_with("parallax: "));
    CHECK(has(end.text, "--help`.\n"));
  }
  CHECK(has(ended({"run"}).text, "--config is required"));
  CHECK(has(ended({"run"}).text, "Try `parallax run --help`."));
}

TEST_CASE("commands over journals: what they take and refuse") {
  const auto report =
      std::get<ReportCommand>(parse({"report", "a", "b", "--format", "junit", "--last", "2h"}));
  CHECK(report.input.journals == std::vector<std::string>{"a", "b"});
  CHECK(report.input.last == std::chrono::hours(2));
  CHECK_FALSE(report.min_comparisons.has_value());
  CHECK(std::get<ReportCommand>(parse({"report", "a", "--min-comparisons", "0"})).min_comparisons ==
        0U);
  CHECK(
      std::get<ReadyCommand>(parse({"ready", "a", "--max-vacuous", "0.25"})).criteria.max_vacuous ==
      0.25);
  CHECK(std::get<ReplayCommand>(parse({"replay", "a", "--id", "x-1", "-c", "c"})).id == "x-1");
  CHECK(ended({"report"}).exit_status == kExitUsage);
  CHECK(ended({"report", "a", "--every-rule"}).exit_status == kExitUsage);
  CHECK(ended({"report", "a", "--since", "today"}).exit_status == kExitUsage);
  CHECK(ended({"report", "a", "--since", "2026-01-01", "--last", "1h"}).exit_status == kExitUsage);
  CHECK(ended({"ready", "a", "--max-vacuous", "2"}).exit_status == kExitUsage);
  CHECK(ended({"replay", "a", "-c", "c"}).exit_status == kExitUsage);
}

TEST_CASE("ready --power needs a configuration, and its own options need it") {
  const auto plain = std::get<ReadyCommand>(parse({"ready", "a", "-c", "c"}));
  CHECK_FALSE(plain.power);
  const auto power = std::get<ReadyCommand>(
      parse({"ready", "a", "-c", "c", "--power", "--power-samples", "5", "--min-power", "0.9"}));
  CHECK(power.power);
  CHECK(power.power_samples == 5);
  CHECK(power.criteria.min_power == 0.9);
  CHECK_FALSE(std::get<ReadyCommand>(parse({"ready", "a", "-c", "c", "--power"}))
                  .criteria.min_power.has_value());
  CHECK(ended({"ready", "a", "--power"}).exit_status == kExitUsage);
  CHECK(ended({"ready", "a", "-c", "c", "--min-power", "0.9"}).exit_status == kExitUsage);
  CHECK(ended({"ready", "a", "-c", "c", "--power-samples", "5"}).exit_status == kExitUsage);
  CHECK(ended({"ready", "a", "-c", "c", "--power", "--min-power", "2"}).exit_status == kExitUsage);
  CHECK(ended({"ready", "a", "-c", "c", "--power", "--power-samples", "0"}).exit_status ==
        kExitUsage);
}

}  // namespace
}  // namespace parallax::proxy
