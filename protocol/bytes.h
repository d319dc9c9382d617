#pragma once

// Bytes of the wire, and a reader over them that cannot run over the end.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace parallax::protocol {

using Bytes = std::span<const std::byte>;

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// Reads big-endian integers and NUL-terminated strings (PostgreSQL manual, "Message Data Types"). A
// read past the end returns nothing and makes every later read return nothing, so a view checks
// once, at its last field.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : rest_(bytes) {}

  std::optional<std::uint8_t> u8() { return integer<std::uint8_t>(); }
  std::optional<std::uint16_t> u16() { return integer<std::uint16_t>(); }
  std::optional<std::uint32_t> u32() { return integer<std::uint32_t>(); }
  std::optional<std::int32_t> i32() {
    auto value = u32();
    return value ? std::optional(static_cast<std::int32_t>(*value)) : std::nullopt;
  }

  std::optional<std::string_view> c_string() {
    const void* end = rest_.empty() ? nullptr : std::memchr(rest_.data(), 0, rest_.size());
    if (end == nullptr) return fail<std::string_view>();
    const auto length = static_cast<std::size_t>(static_cast<const std::byte*>(end) - rest_.data());
    auto text = as_text(rest_.first(length));
    rest_ = rest_.subspan(length + 1);
    return text;
  }

  std::optional<Bytes> bytes(std::size_t count) {
    if (count > rest_.size()) return fail<Bytes>();
    auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  Bytes rest() const { return rest_; }
  bool failed() const { return failed_; }

 private:
  template <typename T>
  std::optional<T> fail() {
    failed_ = true;
    rest_ = {};
    return std::nullopt;
  }

  template <typename T>
  std::optional<T> integer() {
    if (rest_.size() < sizeof(T)) return fail<T>();
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      value = static_cast<T>((static_cast<std::uint64_t>(value) << 8) |
                             static_cast<std::uint64_t>(rest_[i]));
    }
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }

  Bytes rest_;
  bool failed_ = false;
};

}  // namespace parallax::protocol
