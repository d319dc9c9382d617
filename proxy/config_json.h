#pragma once

// `compare: {json: …}` of a rule: what JSON columns hold.

#include "proxy/yaml_reader.h"
#include "shadow/rule_source.h"

namespace parallax::proxy {

void read_json(YamlReader& reader, const YamlEntry& entry, shadow::CompareOptions& options);

}  // namespace parallax::proxy
