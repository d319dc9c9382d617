#pragma once

// How a rule's results are compared, as the configuration says it: `compare:`, `expect:`, `let:`.

#include "proxy/config_draft.h"
#include "proxy/yaml_reader.h"

namespace parallax::proxy {

void read_compare(YamlReader& reader, const YamlEntry& entry, shadow::RuleSource& rule);
// An expectation whose last day is over becomes one of `warnings`.
void read_expect(YamlReader& reader, const YamlEntry& entry, shadow::RuleSource& rule,
                 Problems& warnings);
void read_let(YamlReader& reader, const YamlEntry& entry, shadow::RuleSource& rule);

}  // namespace parallax::proxy
