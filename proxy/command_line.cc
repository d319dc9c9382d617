#include "proxy/command_line.h"

#include <CLI/CLI.hpp>

namespace parallax::proxy {
namespace {

constexpr const char* kAbout =
    "Parallax is a transparent PostgreSQL proxy. It forwards every statement untouched, replays "
    "the\n"
    "configured rewrite of the statements that your rules name on a second, pooled connection,\n"
    "compares the two results, and exports mismatch and latency metrics.";

constexpr const char* kMore = R"(A first configuration, parallax.yaml:

  listen: 127.0.0.1:6432
  upstream: postgresql://app@127.0.0.1:5432/shop
  metrics: {listen: 127.0.0.1:9187}
  rules:
    userRouter.getProfile:
      legacy: |
        SELECT "id", "name" FROM "users" WHERE "id" = :userId LIMIT 1 OFFSET 0
      rewrite: |
        select "id", "name" from "users" where "id" = :userId limit 1

  parallax check -c parallax.yaml
  parallax check -c parallax.yaml --online
  parallax run -c parallax.yaml --dev
  psql -h 127.0.0.1 -p 6432 -U app shop

TLS: write `sslmode=verify-full&sslrootcert=ca.pem` into the upstream URL, and for clients
`tls: {cert: proxy.crt, key: proxy.key}` or, on loopback, `tls: {self_signed: true}`. SIGHUP reads
certificates again. Clients that bind SCRAM to TLS (libpq) need channel_binding=disable, or
`auth: password` here.

Statements that no rule covers are forwarded all the same; --dev shows a rule to start from for each.

Exit status: 0 fine, 1 the answer is no or the program failed, 2 usage or configuration (of check
--online also: the server could not be asked).)";

std::string quoted_version() { return std::string("parallax ") + PARALLAX_VERSION; }

EndCommand mistake(const CLI::App& app, const CLI::ParseError& error) {
  std::string text = std::string("parallax: ") + error.what();
  if (!text.ends_with('\n')) text.push_back('\n');
  // Help of the command that was given, where there was one.
  const auto given = app.get_subcommands();
  const std::string command = given.empty() ? "" : given.front()->get_name() + ' ';
  return {kExitUsage, text + "Try `parallax " + command + "--help`.\n"};
}

}  // namespace

Command parse_command_line(int argc, const char* const* argv) {
  RunCommand run;
  CheckCommand check;
  CLI::App app(kAbout, "parallax");
  app.footer(kMore);
  app.set_version_flag("-V,--version", quoted_version());
  app.require_subcommand(1);

  CLI::App* run_command = app.add_subcommand("run", "Serve until SIGTERM or SIGINT.");
  run_command->add_option("-c,--config", run.config_file, "The configuration file")
      ->required()
      ->type_name("FILE");
  run_command->add_flag(
      "--dev", run.dev,
      "Shadow everything; print differences side by side with their values, and a rule to "
      "start from for each statement that no rule covers. Listens on loopback only.");
  CLI::App* check_command =
      app.add_subcommand("check", "Say what is wrong with a configuration and its rules.");
  check_command->add_option("-c,--config", check.config_file, "The configuration file")
      ->required()
      ->type_name("FILE");
  CLI::Option* online = check_command->add_flag(
      "--online", check.online,
      "Ask the shadow server, too: prepare both sides of each rule, pair their columns, compare "
      "types, look for missing rights and side effects, explain both. Nothing is executed.");
  check_command->add_flag("--plans", check.plans, "With --online: both plans, node by node.")
      ->needs(online);

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return EndCommand{kExitFine, app.help() + "\n"};
  } catch (const CLI::CallForVersion&) {
    return EndCommand{kExitFine, quoted_version() + "\n"};
  } catch (const CLI::ParseError& error) {
    return mistake(app, error);
  }
  if (run_command->parsed()) return run;
  return check;
}

}  // namespace parallax::proxy
