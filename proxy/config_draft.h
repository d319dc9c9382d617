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

// A member of `listeners:`, or the one whose keys stand at the top level. Present when given and
// right.
struct DraftListener {
  std::string path = {};  // of its keys: "" or "listeners[0]."
  shadow::SourceMark place = {};
  std::optional<std::string> name = {};
  std::optional<HostPort> listen = {};
  std::optional<ServerParts> upstream = {};
  ListenerTls tls = {};
  bool tls_is_wrong = false;
  AuthMode auth = AuthMode::passthrough;
  std::map<std::string, shadow::SourceMark> given = {};  // its own keys -> place of their value
};

struct ConfigDraft {
  Config config;
  std::vector<DraftListener> listeners;
  // Present when given and right.
  std::optional<HostPort> metrics;
  std::optional<HostPort> admin;
  ServerParts shadow;

  std::map<std::string, shadow::SourceMark> given;  // path of a key -> place of its value
  std::vector<DraftRule> rules;
  std::map<std::string, shadow::SourceMark> rule_places;
  std::vector<shadow::SourceText> include;
};

// The main file's top mapping. `rules:` is read too, `include:` only listed.
void read_sections(YamlReader& reader, const YAML::Node& top, ConfigDraft& draft);

// The keys of a listener, as they stand at the top level and in `listeners:` (there with `name`).
// `listener` and `draft` must outlive them.
std::vector<YamlKey> listener_keys(YamlReader& reader, ConfigDraft& draft, DraftListener& listener);
// The value of `listeners:`.
void read_listeners(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft);

// Holds all listeners against each other and against the shadow.
void check_listeners(const ConfigDraft& draft, Problems& problems);
// Of a draft that has no problems.
ListenerConfig finished(const DraftListener& draft);

// A connection string, its warnings noted; nothing where it has problems.
std::optional<ServerParts> read_url(YamlReader& reader, const YamlEntry& entry, UrlUse use,
                                    ConfigDraft& draft);

// A mode's name, as the configuration and the switch have it.
Parsed<shadow::Mode> parse_mode(std::string_view text);

// The value of `rules:`. Names that another file has used are problems.
void read_rules(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft);

}  // namespace parallax::proxy
