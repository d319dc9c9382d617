#pragma once

// How canonical texts are put together.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shadow/verdict.h"

namespace parallax::shadow {

// The step whose work is left undone: with numeric_scale, 1.0 and 1.00 have two canonical texts.
// That way is found which steps made two cells equal. Nothing: all steps are done.
using KeptApart = std::optional<EqualStep>;

// Stands before a cell that could not be read; no canonical text of a value that was read begins
// with it (those of text types, which are always read, are their own bytes).
inline constexpr char kUnreadMark = '\xff';

template <typename Unsigned>
void write_big_endian(Unsigned value, char* to) {
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    to[i] = static_cast<char>(value >> (8 * (sizeof(Unsigned) - 1 - i)));
  }
}

template <typename Unsigned>
void append_big_endian(Unsigned value, std::string& out) {
  char bytes[sizeof(Unsigned)];
  write_big_endian(value, bytes);
  out.append(bytes, sizeof(Unsigned));
}

// A whole number (also days, microseconds, the bits of a float).
inline void append_whole(std::int64_t value, std::string& out) {
  char bytes[1 + sizeof(value)] = {'i'};
  write_big_endian(static_cast<std::uint64_t>(value), bytes + 1);
  out.append(bytes, sizeof(bytes));
}

// A part of a value, behind its length; NULL has a length that no part has.
inline constexpr std::uint32_t kNullPart = 0xffffffff;
class PartLength {
 public:
  explicit PartLength(std::string& out) : at_(out.size()) { append_big_endian(kNullPart, out); }
  // The part is all that was appended since.
  void close(std::string& out) const {
    const auto length = static_cast<std::uint32_t>(out.size() - at_ - sizeof(std::uint32_t));
    set(out, at_, length);
  }
  static void set(std::string& out, std::size_t at, std::uint32_t value) {
    write_big_endian(value, out.data() + at);
  }

 private:
  std::size_t at_;
};

}  // namespace parallax::shadow
