#include "metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

namespace parallax::metrics {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

double cpu_seconds() {
  timespec now{};
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0) return kUnknown;
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// /proc/self/statm, see proc(5): sizes in pages; field 0 is virtual, 1 resident.
double memory_bytes(std::size_t field) {
  std::ifstream statm("/proc/self/statm");
  std::array<double, 2> pages{};
  if (!(statm >> pages[0] >> pages[1])) return kUnknown;
  return pages.at(field) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_fds() {
  std::error_code failed;
  std::filesystem::directory_iterator entries("/proc/self/fd", failed);
  if (failed) return kUnknown;
  double count = -1;  // without the descriptor of this directory
  for (const std::filesystem::directory_iterator end; entries != end; entries.increment(failed)) {
    if (failed) return kUnknown;
    ++count;
  }
  return count;
}

double max_fds() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kUnknown;
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<double>::infinity()
                                         : static_cast<double>(limit.rlim_cur);
}

// proc(5): field 22 of /proc/self/stat in clock ticks since boot, `btime` of /proc/stat in seconds
// since the epoch.
double start_time_seconds() {
  std::ifstream self("/proc/self/stat");
  std::string text;
  if (!std::getline(self, text)) return kUnknown;
  const auto name_end = text.rfind(')');  // the name may hold spaces and parentheses
  if (name_end == std::string::npos) return kUnknown;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  double ticks = 0;
  if (!fields || !(std::istringstream(field) >> ticks)) return kUnknown;

  std::ifstream system("/proc/stat");
  for (std::string key; system >> key; std::getline(system, text)) {
    double boot = 0;
    if (key == "btime" && system >> boot) {
      return boot + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
    }
  }
  return kUnknown;
}

}  // namespace

void add_process_metrics(Registry& registry) {
  registry.function(Metric::process_cpu_seconds_total, {}, cpu_seconds);
  registry.function(Metric::process_virtual_memory_bytes, {}, [] { return memory_bytes(0); });
  registry.function(Metric::process_resident_memory_bytes, {}, [] { return memory_bytes(1); });
  registry.function(Metric::process_open_fds, {}, open_fds);
  registry.function(Metric::process_max_fds, {}, max_fds);
  registry.function(Metric::process_start_time_seconds, {},
                    [start = start_time_seconds()] { return start; });
}

}  // namespace parallax::metrics
