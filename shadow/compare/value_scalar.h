#pragma once

// Canonical texts of values that are not made of other values.

#include <string>
#include <string_view>

#include "shadow/compare/value_encoding.h"
#include "shadow/compare/value_kind.h"

namespace parallax::shadow {

// False: the cell is malformed, or of a kind that is not read here (not understood, made of other
// values); a part may then have been appended. json of `last_key_wins`: see JsonReading.
struct ScalarReading {
  KeptApart kept;
  bool last_key_wins = false;
};
bool append_text_scalar(ValueKind kind, std::string_view cell, const ScalarReading& reading,
                        std::string& out);
bool append_binary_scalar(ValueKind kind, std::string_view cell, const ScalarReading& reading,
                          std::string& out);

// Fixed-width integers of the binary format: 1, 2, 4 or 8 bytes, and no more than these.
template <typename Unsigned>
bool read_fixed(std::string_view cell, Unsigned& value) {
  if (cell.size() != sizeof(Unsigned)) return false;
  std::uint64_t bits = 0;
  for (const char c : cell) bits = bits << 8 | static_cast<unsigned char>(c);
  value = static_cast<Unsigned>(bits);
  return true;
}

}  // namespace parallax::shadow
