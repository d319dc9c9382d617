#pragma once

// The commands that read journals, as CLI11 wants them described.

#include <CLI/CLI.hpp>
#include <string>

#include "proxy/command_line.h"

namespace parallax::proxy {

// What needs a second look after the parse.
struct EvidenceOptions {
  ReportCommand report;
  ReadyCommand ready;
  ReplayCommand replay;
  std::string report_last;
  std::string ready_last;
  std::size_t report_least = 0;
  CLI::Option* least_given = nullptr;
  double min_power = 0;
  CLI::Option* min_power_given = nullptr;
};
// `options` must outlive `app`.
void add_report(CLI::App& app, EvidenceOptions& options);
void add_ready(CLI::App& app, EvidenceOptions& options);
void add_replay(CLI::App& app, ReplayCommand& replay);
ReportCommand finished_report(EvidenceOptions& options);
ReadyCommand finished_ready(EvidenceOptions& options);

}  // namespace parallax::proxy
