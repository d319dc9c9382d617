#include "proxy/command_line_evidence.h"

#include "proxy/value_parsers.h"
#include "shadow/evidence/journal_reader.h"

namespace parallax::proxy {

namespace {

constexpr std::chrono::milliseconds kLastLeast{std::chrono::seconds(1)};
constexpr std::chrono::milliseconds kLastMost{std::chrono::hours(24) * 3650};

std::string last_problem(const std::string& text) {
  const auto parsed = parse_duration(text, kLastLeast, kLastMost);
  const auto* error = std::get_if<ValueError>(&parsed);
  return error == nullptr ? std::string() : error->message;
}

std::string time_problem(const std::string& text) {
  return shadow::read_journal_time(text)
             ? std::string()
             : "write a time as 2026-11-24T22:49:33Z, or a day as 2026-11-24";
}

void add_input(CLI::App& command, EvidenceInput& input, std::string& last) {
  command
      .add_option("JOURNAL", input.journals,
                  "Journals, each with the files that it was rotated to; `-`: standard input")
      ->required()
      ->type_name("");
  command
      .add_option("-c,--config", input.config_file,
                  "The configuration: its rules in their present version count (default: all "
                  "rules, the version seen last)")
      ->type_name("FILE");
  CLI::Option* since = command.add_option("--since", input.since, "Leave out what was before")
                           ->type_name("TIME")
                           ->check(time_problem);
  command.add_option("--last", last, "Leave out what was longer ago, 24h say")
      ->type_name("DURATION")
      ->check(last_problem)
      ->excludes(since);
}

void finish(EvidenceInput& input, const std::string& last) {
  if (!last.empty())
    input.last = std::get<std::chrono::milliseconds>(parse_duration(last, kLastLeast, kLastMost));
}

}  // namespace

void add_report(CLI::App& app, EvidenceOptions& options) {
  CLI::App* command = app.add_subcommand(
      "report", "Say what journals hold of each rule; for CI: did anything differ?");
  command->footer(
      "Exit status: 0 no difference, 1 a mismatch, an error of a rewrite or too few comparisons,\n"
      "2 usage, a journal that cannot be read, no line in any.");
  auto& report = options.report;
  add_input(*command, report.input, options.report_last);
  command->add_option("--format", report.format, "text, json, html or junit")
      ->check(CLI::IsMember({"text", "json", "html", "junit"}))
      ->type_name("FORMAT");
  command->add_option("--out", report.out_file, "Where it goes (default: standard output)")
      ->type_name("FILE");
  options.least_given =
      command
          ->add_option("--min-comparisons", options.report_least,
                       "Each rule of the journals must have so many (with --every-rule: 1)")
          ->type_name("N");
  command->add_option("--examples", report.examples, "Of each rule, the latest (default 3)")
      ->type_name("N")
      ->check(CLI::Range(0, 1000));
  command
      ->add_flag("--every-rule", report.every_rule,
                 "Each rule of the configuration must have been compared")
      ->needs("--config");
}

namespace {

void add_power(CLI::App& command, ReadyCommand& ready, EvidenceOptions& options) {
  CLI::Option* power =
      command
          .add_flag("--power", ready.power,
                    "Plant mistakes in each rewrite, run them over recorded operations against "
                    "the shadow server, and tell those that this data could not have shown. Needs "
                    "a journal with `values: full`")
          ->needs("--config");
  command
      .add_option("--power-samples", ready.power_samples,
                  "Recorded operations of each rule, default 32")
      ->check(CLI::Range(1, 1000))
      ->type_name("N")
      ->needs(power);
  options.min_power_given =
      command
          .add_option("--min-power", options.min_power,
                      "Share of the planted mistakes that must be caught (default: told, decides "
                      "nothing)")
          ->check(CLI::Range(0.0, 1.0))
          ->type_name("SHARE")
          ->needs(power);
}

}  // namespace

void add_ready(CLI::App& app, EvidenceOptions& options) {
  CLI::App* command =
      app.add_subcommand("ready", "Say which rules may switch to the rewrite, and why not.");
  command->footer(
      "Exit status: 0 all are ready, 1 not all, 2 usage, a journal that cannot be read, nothing of "
      "the time\nasked for, no connection for --power.");
  auto& ready = options.ready;
  add_input(*command, ready.input, options.ready_last);
  auto& criteria = ready.criteria;
  command->add_option("--rule", ready.rule, "This rule alone")->type_name("NAME");
  command->add_option("--format", ready.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  command->add_option("--min-comparisons", criteria.min_comparisons, "default 1000")
      ->type_name("N");
  command
      ->add_option("--min-distinct", criteria.min_distinct,
                   "Different sets of parameters, default 20")
      ->type_name("N");
  command
      ->add_option("--max-vacuous", criteria.max_vacuous,
                   "Matches without a row (two empty results, the same error), of all matches; "
                   "default 0.5")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("SHARE");
  command
      ->add_option("--max-unsettled", criteria.max_unsettled,
                   "unstable, race and timeout, of all verdicts; default 0.1")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("SHARE");
  command
      ->add_option("--max-uncompared", criteria.max_uncompared,
                   "Operations skipped for a reason of their own (too_large, context, …), of these "
                   "and all verdicts; default 0.5")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("SHARE");
  command
      ->add_option("--max-latency-ratio", criteria.max_latency_ratio,
                   "Rewrite to legacy, means of both in one snapshot; default 1.5")
      ->check(CLI::PositiveNumber)
      ->type_name("RATIO");
  add_power(*command, ready, options);
}

void add_replay(CLI::App& app, ReplayCommand& replay) {
  CLI::App* command = app.add_subcommand(
      "replay", "Run one comparison of a journal with `values: full` again, and show both sides.");
  command->footer(
      "Exit status: 0 they match now (or differ as expected), 1 they still differ, 2 usage, or it "
      "could not\nbe compared.");
  command->add_option("JOURNAL", replay.journals, "Journals, as for `report`")
      ->required()
      ->type_name("");
  command->add_option("--id", replay.id, "Of the line, as `report` shows it")
      ->required()
      ->type_name("ID");
  command->add_option("-c,--config", replay.config_file, "The configuration file")
      ->required()
      ->type_name("FILE");
}

ReportCommand finished_report(EvidenceOptions& options) {
  finish(options.report.input, options.report_last);
  if (options.least_given->count() != 0) options.report.min_comparisons = options.report_least;
  return options.report;
}

ReadyCommand finished_ready(EvidenceOptions& options) {
  finish(options.ready.input, options.ready_last);
  if (options.min_power_given->count() != 0) options.ready.criteria.min_power = options.min_power;
  return options.ready;
}

}  // namespace parallax::proxy
