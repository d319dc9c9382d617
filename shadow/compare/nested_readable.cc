#include <array>

#include "protocol/bytes.h"
#include "shadow/compare/value_nested.h"
#include "shadow/compare/value_readable.h"

namespace parallax::shadow {
namespace {

constexpr std::size_t kDimensionsMax = 6;  // the server's MAXDIM

// A length and as many bytes. False: malformed.
bool append_item(protocol::ByteReader& wire, const ValueReader& reader, std::string& out) {
  const auto length = wire.i32();
  if (!length || *length < -1) return false;
  if (*length == -1) {
    out.append("NULL");
    return true;
  }
  const auto bytes = wire.bytes(static_cast<std::size_t>(*length));
  if (bytes) out.append(reader.readable(protocol::as_text(*bytes)));
  return bytes.has_value();
}

// Each item ends `ended` dimensions, as many as its number is a multiple of their sizes.
std::size_t ended(std::uint64_t number, const std::array<std::int32_t, kDimensionsMax>& sizes,
                  std::size_t count) {
  std::size_t dimensions = 0;
  std::uint64_t product = 1;
  for (; dimensions < count; ++dimensions) {
    product *= static_cast<std::uint64_t>(sizes[count - 1 - dimensions]);
    if (number % product != 0) break;
  }
  return dimensions;
}

}  // namespace

std::string readable_array(std::string_view cell, const ValueReader& element) {
  protocol::ByteReader wire(protocol::as_bytes(cell));
  const auto count = wire.u32();
  wire.u32();  // flags
  const auto type = wire.u32();
  if (!type || *count > kDimensionsMax) return readable_hex(cell);
  std::array<std::int32_t, kDimensionsMax> sizes{};
  std::uint64_t items = *count == 0 ? 0 : 1;
  for (std::size_t i = 0; i < *count; ++i) {
    sizes[i] = wire.i32().value_or(0);
    wire.i32();  // lower bound
    items *= static_cast<std::uint64_t>(sizes[i]);
    if (wire.failed() || sizes[i] < 1 || items > cell.size()) return readable_hex(cell);
  }
  if (items == 0) return "{}";
  std::string out(*count, '{');
  for (std::uint64_t number = 1; number <= items; ++number) {
    if (!append_item(wire, element, out)) return readable_hex(cell);
    const std::size_t braces = ended(number, sizes, *count);
    out.append(braces, '}');
    if (number < items) out.append(",").append(braces, '{');
  }
  return out;
}

std::string readable_composite(std::string_view cell, std::span<const ValueReader> fields) {
  protocol::ByteReader wire(protocol::as_bytes(cell));
  if (wire.u32() != fields.size()) return readable_hex(cell);
  std::string out = "(";
  for (const auto& field : fields) {
    if (out.size() > 1) out.append(",");
    wire.u32();  // its type
    if (!append_item(wire, field, out)) return readable_hex(cell);
  }
  return out + ")";
}

}  // namespace parallax::shadow
