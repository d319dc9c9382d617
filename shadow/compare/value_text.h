#pragma once

// Canonical texts of cells in text format that are strings of bytes, bits or addresses.

#include <optional>
#include <string>
#include <string_view>

namespace parallax::shadow {

// "\x00ff" or the escape form. False: malformed; a part may then have been appended.
bool append_bytea(std::string_view text, std::string& out);
// "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11": 16 bytes.
bool append_uuid(std::string_view text, std::string& out);
// "08:00:2b:01:02:03", `count` bytes.
bool append_macaddr(std::string_view text, std::size_t count, std::string& out);
// inet and cidr: the bytes of the binary format behind its third (which says cidr).
bool append_inet(std::string_view text, std::string& out);
// Bits of the binary format, a character each.
bool append_bits(std::string_view cell, std::string& out);

}  // namespace parallax::shadow
