#pragma once

// What a statement does to the settings of its session, read from its parse tree (libpg_query).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parallax::shadow {

struct SettingEffect {
  enum class Kind {
    set,
    set_local,
    reset,  // to what the session began with
    reset_all,
    discard_all,
    savepoint,
    rollback_to,
    release,
    unknown  // settings may be anything afterwards
  };
  Kind kind = Kind::unknown;
  std::string name;   // of the setting, in lower case; of the savepoint
  std::string value;  // as set_config() takes it
  // set_config($1, $2, $3): the parameters (0-based) that name, value and is_local come from.
  std::optional<std::size_t> name_parameter;
  std::optional<std::size_t> value_parameter;
  std::optional<std::size_t> local_parameter;
};

// Parsing is done where clients' bytes pass: a longer text would hold up other sessions, and the
// parser's writer of trees, which recurses, has overflown a stack of 8 MiB with 180 KB.
inline constexpr std::size_t kSettingBytesMax = std::size_t{16} * 1024;

// Names and values of all that a session has set, beside what it began with.
inline constexpr std::size_t kSettingsBytesMax = std::size_t{256} * 1024;

// By statement of the text, in order; a text that cannot be read, or is longer than that, is one
// statement of unknown effect. None: the statement changes nothing that a replay would not share
// (SET TRANSACTION).
std::vector<std::vector<SettingEffect>> setting_effects(const std::string& sql);

// Whether setting_effects() has to be asked about a text of this key (StatementShape::key): the
// effect of anything else is none, or is told by its command tag (CALL, DO, LOAD).
bool may_have_setting_effects(std::string_view key, bool calls_set_config);

}  // namespace parallax::shadow
