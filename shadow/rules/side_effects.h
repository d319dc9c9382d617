#pragma once

#include <string_view>

namespace parallax::shadow {

// A function that does something that a read-only transaction or its rollback does not undo (locks,
// replication slots, sequences, large objects, settings, signals, files, other connections), that
// runs SQL which it is given as text, or that makes two runs differ. Functions of PostgreSQL 10 to
// 18 and of the extensions that come with it; where a name is new to an older server, nothing is
// lost. What a server has beside these is judged by its catalog. `name` in lower case, without
// schema.
bool has_side_effects(std::string_view name);

}  // namespace parallax::shadow
