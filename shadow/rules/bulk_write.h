#pragma once

// Long texts that no rule can be about and that set nothing: they need not be scanned.

#include <cstddef>
#include <string_view>

namespace parallax::shadow {

// Shorter texts are scanned, whatever they are.
inline constexpr std::size_t kBulkWriteBytes = std::size_t{16} * 1024;

// Whether this is one INSERT, UPDATE, DELETE, MERGE or COPY, longer than kBulkWriteBytes, of which
// nothing has to be known but that it writes: no second statement, no set_config(), no pg_temp.
// False where a look at the text does not tell (comments, escapes, dollar quotes outside of its
// strings). `text`: without comments around it.
bool is_bulk_write(std::string_view text);

}  // namespace parallax::shadow
