#include "proxy/check.h"

#include <ostream>

#include "proxy/command_line.h"
#include "proxy/loaded_config.h"
#include "proxy/text.h"

namespace parallax::proxy {

int check_config(const std::string& file, const Environment& environment, std::ostream& out,
                 std::ostream& err) {
  const auto loaded = load_with_rules(file, environment, false);
  if (const auto* problems = std::get_if<std::vector<shadow::ConfigProblem>>(&loaded)) {
    for (const auto& problem : *problems) err << escaped(problem.text()) << '\n';
    return kExitUsage;
  }
  const auto& fine = std::get<LoadedConfig>(loaded);
  for (const auto& warning : fine.config.warnings) {
    err << escaped(warning.mark.file) << ':' << warning.mark.line << ':' << warning.mark.column
        << ": warning: " << escaped(warning.message) << '\n';
  }
  const std::size_t rules = fine.rules->rules().size();
  out << escaped(file) << ": " << rules << (rules == 1 ? " rule" : " rules") << ", fine\n";
  return kExitFine;
}

}  // namespace parallax::proxy
