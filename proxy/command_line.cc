#include "proxy/command_line.h"

#include <CLI/CLI.hpp>

#include "proxy/command_line_evidence.h"
#include "proxy/value_parsers.h"

namespace parallax::proxy {
namespace {

constexpr const char* kAbout =
    "Parallax is a transparent PostgreSQL proxy. It forwards every statement untouched, replays "
    "the\n"
    "configured rewrite of the statements that your rules name on a second, pooled connection,\n"
    "compares the two results, and exports mismatch and latency metrics.";

constexpr const char* kMore = R"(A first configuration, parallax.yaml:

  listen: 127.0.0.1:6432
  upstream: postgresql://app:secret@127.0.0.1:5432/shop   # replays log in with it, too
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
  parallax learn -c parallax.yaml --out rules.yaml
  parallax report parallax.jsonl
  parallax ready -c parallax.yaml parallax.jsonl
  parallax mode off -c parallax.yaml
  psql -h 127.0.0.1 -p 6432 -U app shop

TLS: write `sslmode=verify-full&sslrootcert=ca.pem` into the upstream URL (whole paths), and for clients
`tls: {cert: proxy.crt, key: proxy.key}` or, on loopback, `tls: {self_signed: true}`. Clients
that bind SCRAM to TLS (libpq) need channel_binding=disable, or `auth: password` here.

SIGHUP reads the configuration, its includes and the certificates again, and drops no session; a bad
file changes nothing. With --dev every change of these files does it.

The switch: `parallax mode off -c parallax.yaml` (with `admin: {listen: 127.0.0.1:9188}`) or SIGUSR1
makes a running parallax a plain pipe, `parallax mode configured` or SIGUSR2 takes it back to what
the configuration says; with `state_dir` it holds over restarts. VALIDATE_QUERIES=false starts in
off. `mode: strict` holds each answer until its verdict is known: for tests.

Statements that no rule covers are forwarded all the same; --dev shows a rule to start from for each.

Exit status: 0 fine, 1 the answer is no or the program failed, 2 usage or configuration (of check
--online also: the server could not be asked).)";

constexpr const char* kLearnMore =
    R"(WHAT is the name of a listener, or KEY=VALUE: a parameter of the connection (application_name, user)
or a tag in the statement's comment. Run the application once as it is and once with the new code:

  parallax learn -c parallax.yaml --rewrite application_name=new --out rules.yaml

or give each a listener (`listeners:` with one upstream) and write `--rewrite NAME`. End it with ^C.
What passes is told on standard error, or on standard output with --out; the rules that are proposed
load as they are. Values of parameters are never written, but where a rule pins one.)";

constexpr std::chrono::milliseconds kIdleLeast{100};
constexpr std::chrono::milliseconds kIdleMost{std::chrono::hours(24)};

std::string quoted_version() { return std::string("parallax ") + PARALLAX_VERSION; }

EndCommand mistake(const CLI::App& app, const CLI::ParseError& error) {
  std::string text = std::string("parallax: ") + error.what();
  if (!text.ends_with('\n')) text.push_back('\n');
  // Help of the command that was given, where there was one.
  const auto given = app.get_subcommands();
  const std::string command = given.empty() ? "" : given.front()->get_name() + ' ';
  return {kExitUsage, text + "Try `parallax " + command + "--help`.\n"};
}

std::string duration_problem(const std::string& text) {
  const auto parsed = parse_duration(text, kIdleLeast, kIdleMost);
  const auto* error = std::get_if<ValueError>(&parsed);
  return error == nullptr ? std::string() : error->message;
}

void add_learn(CLI::App& app, LearnCommand& learn, std::string& until_idle) {
  CLI::App* command = app.add_subcommand(
      "learn",
      "Serve, and observe instead of comparing; at the end say what passed, and propose rules.");
  command->footer(kLearnMore);
  command->add_option("-c,--config", learn.config_file, "The configuration file")
      ->required()
      ->type_name("FILE");
  command->add_option("--legacy", learn.legacy, "What is legacy (default: all but --rewrite)")
      ->type_name("WHAT");
  command->add_option("--rewrite", learn.rewrite, "What is the rewrite: the second of two runs")
      ->type_name("WHAT");
  command
      ->add_option("--rewrites", learn.rewrites_file,
                   "Rewrites written down: [{\"operation\", \"sql\", \"params\"}]")
      ->type_name("FILE.json");
  command->add_option("--until-idle", until_idle, "End when nothing has come for so long")
      ->type_name("DURATION")
      ->check(duration_problem);
  CLI::Option* out =
      command->add_option("--out", learn.out_file, "Where the rules go (default: standard output)")
          ->type_name("FILE.yaml");
  command->add_flag("--force", learn.force, "Write over a file that is there")->needs(out);
}

void add_mode(CLI::App& app, ModeCommand& mode) {
  CLI::App* command = app.add_subcommand(
      "mode", "Ask or set the switch of a running Parallax, over its admin listener.");
  command
      ->add_option("mode", mode.mode,
                   "off, shadow, strict, or configured: as the configuration says")
      ->check(CLI::IsMember({"off", "shadow", "strict", "configured"}));
  CLI::Option* config =
      command
          ->add_option("-c,--config", mode.config_file, "The configuration file: address and token")
          ->type_name("FILE");
  CLI::Option* admin = command->add_option("--admin", mode.admin, "The admin listener instead")
                           ->type_name("http://HOST:PORT")
                           ->excludes(config);
  command->add_option("--token-file", mode.token_file, "The token, in its first line")
      ->type_name("FILE");
  command->callback([config, admin] {
    if (config->count() + admin->count() == 0)
      throw CLI::RequiredError("-c FILE or --admin http://HOST:PORT");
  });
}

}  // namespace

Command parse_command_line(int argc, const char* const* argv) {
  RunCommand run;
  CheckCommand check;
  LearnCommand learn;
  std::string until_idle;
  EvidenceOptions evidence;
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
      "Compare every operation, unless the mode is off; print differences side by side with their "
      "values, and a rule to start from for each statement that no rule covers. Listens on "
      "loopback only.");
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

  add_learn(app, learn, until_idle);
  add_report(app, evidence);
  add_ready(app, evidence);
  add_replay(app, evidence.replay);
  ModeCommand mode;
  add_mode(app, mode);

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
  if (app.get_subcommand("learn")->parsed()) {
    if (!until_idle.empty())
      learn.until_idle =
          std::get<std::chrono::milliseconds>(parse_duration(until_idle, kIdleLeast, kIdleMost));
    return learn;
  }
  if (app.get_subcommand("report")->parsed()) return finished_report(evidence);
  if (app.get_subcommand("ready")->parsed()) return finished_ready(evidence);
  if (app.get_subcommand("replay")->parsed()) return evidence.replay;
  if (app.get_subcommand("mode")->parsed()) return mode;
  return check;
}

}  // namespace parallax::proxy
