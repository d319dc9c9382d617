#pragma once

// What the readers of the configuration's parts fill, before the parts are held against each other.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proxy/server_url.h"
#include "proxy/yaml_reader.h"

namespace parallax::proxy {

struct DraftRule {
  shadow::RuleSource source;
  std::optional<double> sample;  // of its own
};

struct ConfigDraft {
  Config config;
  // Present when given and right.
  std::optional<HostPort> listen;
  std::optional<HostPort> metrics;
  std::optional<HostPort> admin;
  std::optional<ServerParts> upstream;
  ServerParts shadow;

  std::map<std::string, shadow::SourceMark> given;  // path of a key -> place of its value
  std::vector<DraftRule> rules;
  std::map<std::string, shadow::SourceMark> rule_places;
  std::vector<shadow::SourceText> include;
};

// The main file's top mapping. `rules:` is read too, `include:` only listed.
void read_sections(YamlReader& reader, const YAML::Node& top, ConfigDraft& draft);

// The value of `rules:`. Names that another file has used are problems.
void read_rules(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft);

}  // namespace parallax::proxy
