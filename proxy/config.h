#pragma once

// The configuration file: YAML, read whole, validated whole, refused whole.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shadow/options.h"
#include "shadow/rule_source.h"

namespace parallax::proxy {

struct HostPort {
  std::string host;  // name, numeric address, or directory of a Unix socket (leading '/')
  std::uint16_t port = 0;
};

struct Limits {  // each is a key under `limits:`
  std::chrono::milliseconds startup_timeout{10'000};         // until the startup packet is complete
  std::chrono::milliseconds authentication_timeout{60'000};  // until AuthenticationOk
  std::chrono::milliseconds connect_timeout{10'000};         // to the upstream
  std::chrono::milliseconds drain_timeout{30'000};           // after SIGTERM
  std::size_t unauthenticated_sessions = 1000;
  std::size_t sessions = 10'000;
};

struct Config {
  HostPort listen;
  HostPort upstream;
  std::string upstream_url;  // as given, for messages; password cut out
  std::size_t workers = 0;   // 0 = one for each core
  bool shadowing = true;     // mode: shadow | off
  double sample = 1.0;       // default of the rules
  shadow::Options shadow;
  std::optional<std::string> metrics_listen;
  std::optional<std::string> admin_listen;
  std::string log_level = "info";  // error | warn | info | debug
  Limits limits;
  std::vector<shadow::RuleSource> rules;
};

using Environment = std::function<std::optional<std::string>(const std::string&)>;

// Reads `path` and the files of its `include:`. All problems found, or the whole configuration. Rules are read but not
// compiled (shadow::RuleSet::compile does that).
std::variant<Config, std::vector<shadow::ConfigProblem>> load_config(const std::string& path,
                                                                     const Environment& environment);

}  // namespace parallax::proxy
