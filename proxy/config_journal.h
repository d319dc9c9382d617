#pragma once

// The configuration's `journal:`.

#include "proxy/config_draft.h"

namespace parallax::proxy {

// Needs `path`. A relative one starts at the directory of the configuration file.
void read_journal(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft);

}  // namespace parallax::proxy
