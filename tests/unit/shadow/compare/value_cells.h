#pragma once

// Cells as the server sends them, and what two of them are to each other.

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/compare/value_reader.h"

namespace parallax::shadow::tests {

// OIDs of pg_type.dat.
namespace oid {
inline constexpr std::uint32_t kBool = 16, kBytea = 17, kChar = 18, kName = 19, kInt8 = 20,
                               kInt2 = 21, kInt4 = 23, kText = 25, kOid = 26, kJson = 114,
                               kBox = 603, kCidr = 650, kFloat4 = 700, kFloat8 = 701,
                               kMacaddr8 = 774, kMoney = 790, kMacaddr = 829, kInet = 869,
                               kBpchar = 1042, kVarchar = 1043, kDate = 1082, kTime = 1083,
                               kTimestamp = 1114, kTimestamptz = 1184, kInterval = 1186,
                               kTimetz = 1266, kBit = 1560, kVarbit = 1562, kNumeric = 1700,
                               kRecord = 2249, kUuid = 2950, kJsonb = 3802;
}  // namespace oid

// Bytes from hex digits; blanks do not matter.
inline std::string hex(std::string_view digits) {
  std::string out;
  int high = -1;
  for (const char c : digits) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high >= 0) out.push_back(static_cast<char>(high * 16 + digit));
    high = high >= 0 ? -1 : digit;
  }
  return out;
}

struct Cell {
  std::uint32_t type;
  bool binary;
  std::string bytes;
};
inline Cell text(std::uint32_t type, std::string bytes) { return {type, false, std::move(bytes)}; }
inline Cell binary(std::uint32_t type, std::string_view digits) {
  return {type, true, hex(digits)};
}

inline std::ostream& operator<<(std::ostream& out, const Cell& cell) {
  out << (cell.binary ? "binary " : "text ") << cell.type << " \"";
  for (const char c : cell.bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte < 0x7f) {
      out << c;
    } else {
      out << "\\x" << kDigits[byte / 16] << kDigits[byte % 16];
    }
  }
  return out << '"';
}

inline std::string canonical(const ValueReader& reader, std::string_view cell) {
  std::string out = "what was there before";
  const std::size_t start = out.size();
  reader.append_canonical(cell, out);
  return out.substr(start);
}

// The steps that make them equal (`exact` for the same bytes), or nothing: they are different.
inline std::vector<EqualStep> equal_steps(const Cell& legacy, const Cell& rewrite,
                                          const TypeCatalog& catalog = {}, TextStyle style = {}) {
  ValueReader first(catalog, legacy.type, legacy.binary, style);
  ValueReader second(catalog, rewrite.type, rewrite.binary, style);
  first.compare_with(rewrite.type);
  second.compare_with(legacy.type);
  if (canonical(first, legacy.bytes) != canonical(second, rewrite.bytes)) return {};
  if (legacy.binary == rewrite.binary && legacy.bytes == rewrite.bytes) return {EqualStep::exact};
  return first.steps_between(legacy.bytes, second, rewrite.bytes);
}

using Steps = std::vector<EqualStep>;
inline const Steps kDifferent = {};
inline const Steps kExact = {EqualStep::exact};
inline const Steps kFormat = {EqualStep::format};

struct Golden {
  Cell legacy;
  Cell rewrite;
  Steps steps;  // none: not equal
};

inline std::string names(const Steps& steps) {
  std::string out = steps.empty() ? "different" : "";
  for (const EqualStep step : steps) {
    if (!out.empty()) out += ' ';
    out += name(step);
  }
  return out;
}

}  // namespace parallax::shadow::tests
