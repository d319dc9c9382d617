#include "shadow/compare/value_nested.h"

#include <array>

#include "protocol/bytes.h"
#include "shadow/compare/value_encoding.h"
#include "shadow/rules/nested_text.h"

namespace parallax::shadow {
namespace {

constexpr std::size_t kDimensionsMax = 6;  // the server's MAXDIM

// Flags of a range in binary format; its canonical text has them too.
constexpr unsigned kRangeEmpty = 0x01;
constexpr unsigned kLowerInclusive = 0x02;
constexpr unsigned kUpperInclusive = 0x04;
constexpr unsigned kLowerInfinite = 0x08;
constexpr unsigned kUpperInfinite = 0x10;
constexpr unsigned kRangeFlags = 0x1f;

void append_part(std::string_view cell, const ValueReader& reader, KeptApart kept,
                 std::string& out) {
  const PartLength length(out);
  reader.append_keeping(cell, kept, out);
  length.close(out);
}

// A length and as many bytes; -1 is NULL.
bool append_wire_part(protocol::ByteReader& wire, const ValueReader& reader, KeptApart kept,
                      std::string& out) {
  const auto length = wire.i32();
  if (!length || *length < -1) return false;
  if (*length == -1) {
    append_big_endian(kNullPart, out);
    return true;
  }
  const auto bytes = wire.bytes(static_cast<std::size_t>(*length));
  if (!bytes) return false;
  append_part(protocol::as_text(*bytes), reader, kept, out);
  return true;
}

struct Dimension {
  std::int64_t size = -1;  // not yet known
  std::int32_t lower = 1;
};

// The head of an array's canonical text: how many dimensions, size and lower bound of each.
class Dimensions {
 public:
  bool set_count(std::size_t count) {
    count_ = count;
    return count <= kDimensionsMax;
  }
  std::size_t count() const { return count_; }
  Dimension& operator[](std::size_t index) { return all_[index]; }

  // Sizes may not be known yet: place() writes over what this has appended.
  void reserve(std::string& out) {
    out.push_back('a');
    at_ = out.size();
    out.append(sizeof(std::uint32_t) * (1 + 2 * count_), '\0');
  }
  void place(std::string& out) const {
    PartLength::set(out, at_, static_cast<std::uint32_t>(count_));
    for (std::size_t i = 0; i < count_; ++i) {
      const std::size_t at = at_ + sizeof(std::uint32_t) * (1 + 2 * i);
      PartLength::set(out, at, static_cast<std::uint32_t>(all_[i].size));
      PartLength::set(out, at + sizeof(std::uint32_t), static_cast<std::uint32_t>(all_[i].lower));
    }
  }

 private:
  std::array<Dimension, kDimensionsMax> all_{};
  std::size_t count_ = 0;
  std::size_t at_ = 0;
};

// An array literal: a brace opens a dimension, items stand in the innermost one.
class TextArray {
 public:
  TextArray(std::string_view cell, const ValueReader& element, char delimiter)
      : text_(cell), element_(element), ends_{delimiter, '}'} {}

  bool append(KeptApart kept, std::string& out) {
    if (text_.peek() == '[' && !bounds()) return false;
    std::size_t count = 0;
    NestedText braces = text_;
    while (braces.take('{')) ++count;
    if (count == 0 || (bounded_ > 0 && bounded_ != count)) return false;
    if (count == 1 && braces.take('}')) {
      dimensions_.reserve(out);
      return braces.done() && bounded_ == 0;
    }
    if (!dimensions_.set_count(count)) return false;
    dimensions_.reserve(out);
    if (!items(kept, out) || !bounds_hold()) return false;
    dimensions_.place(out);
    return true;
  }

 private:
  // "[0:1][1:3]="
  bool bounds() {
    while (text_.take('[')) {
      if (bounded_ == kDimensionsMax) return false;
      const auto lower = text_.integer();
      if (!lower || !text_.take(':')) return false;
      const auto upper = text_.integer();
      if (!upper || !text_.take(']')) return false;
      dimensions_[bounded_].lower = *lower;
      sizes_[bounded_] = std::int64_t{*upper} - *lower + 1;
      ++bounded_;
    }
    return text_.take('=');
  }

  bool bounds_hold() {
    for (std::size_t i = 0; i < bounded_; ++i) {
      if (dimensions_[i].size != sizes_[i]) return false;
    }
    return true;
  }

  bool items(KeptApart kept, std::string& out) {
    std::array<std::int64_t, kDimensionsMax> counts{};
    std::size_t level = 0;
    for (;;) {
      for (; level < dimensions_.count(); ++level) {
        if (!text_.take('{')) return false;
        counts[level] = 0;
      }
      if (!item(kept, out)) return false;
      ++counts[level - 1];
      while (text_.take('}')) {
        auto& size = dimensions_[level - 1].size;
        if (size == -1) size = counts[level - 1];
        if (size != counts[level - 1]) return false;
        if (--level == 0) return text_.done();
        ++counts[level - 1];
      }
      if (!text_.take(ends_[0])) return false;
    }
  }

  bool item(KeptApart kept, std::string& out) {
    const auto item = text_.item({ends_.data(), ends_.size()});
    if (!item || (!item->quoted && item->text.empty())) return false;
    if (!item->quoted && item->text == "NULL") {
      append_big_endian(kNullPart, out);
    } else {
      append_part(item->text, element_, kept, out);
    }
    return true;
  }

  NestedText text_;
  const ValueReader& element_;
  std::array<char, 2> ends_;
  Dimensions dimensions_;
  std::array<std::int64_t, kDimensionsMax> sizes_{};  // by the bounds that are written
  std::size_t bounded_ = 0;
};

// A bound that is not written is infinite; "" is the empty text.
bool append_text_bound(NestedText& text, std::string_view ends, const ValueReader& bound,
                       KeptApart kept, bool& infinite, std::string& out) {
  const auto item = text.item(ends);
  if (!item) return false;
  infinite = !item->quoted && item->text.empty();
  if (!infinite) append_part(item->text, bound, kept, out);
  return true;
}

bool append_one_text_range(NestedText& text, const ValueReader& bound, KeptApart kept,
                           std::string& out) {
  out.push_back('r');
  const std::size_t at = out.size();
  out.push_back(static_cast<char>(kRangeEmpty));
  if (text.take("empty")) return true;
  unsigned flags = text.peek() == '[' ? kLowerInclusive : 0;
  if (!text.take('[') && !text.take('(')) return false;
  bool infinite = false;
  if (!append_text_bound(text, ",", bound, kept, infinite, out)) return false;
  if (infinite) flags |= kLowerInfinite;
  if (!text.take(',')) return false;
  if (!append_text_bound(text, ")]", bound, kept, infinite, out)) return false;
  if (infinite) flags |= kUpperInfinite;
  if (text.take(']')) {
    flags |= kUpperInclusive;
  } else if (!text.take(')')) {
    return false;
  }
  out[at] = static_cast<char>(flags);
  return true;
}

}  // namespace

bool append_text_array(std::string_view cell, const ValueReader& element, char delimiter,
                       KeptApart kept, std::string& out) {
  return TextArray(cell, element, delimiter).append(kept, out);
}

bool append_binary_array(std::string_view cell, const ValueReader& element, KeptApart kept,
                         std::string& out) {
  protocol::ByteReader wire(protocol::as_bytes(cell));
  const auto count = wire.u32();
  wire.u32();                    // whether there may be NULLs: the parts say where
  const auto type = wire.u32();  // of the elements
  Dimensions dimensions;
  if (!type || !dimensions.set_count(*count)) return false;
  std::uint64_t elements = dimensions.count() == 0 ? 0 : 1;
  for (std::size_t i = 0; i < dimensions.count(); ++i) {
    const auto size = wire.i32();
    const auto lower = wire.i32();
    if (!lower || *size < 1) return false;
    dimensions[i] = {*size, *lower};
    elements *= static_cast<std::uint64_t>(*size);
    // Each takes its length at least; this also keeps the product small.
    if (elements > cell.size() / sizeof(std::uint32_t)) return false;
  }
  dimensions.reserve(out);
  for (; elements > 0; --elements) {
    if (!append_wire_part(wire, element, kept, out)) return false;
  }
  dimensions.place(out);
  return wire.rest().empty();
}

bool append_text_composite(std::string_view cell, std::span<const ValueReader> fields,
                           KeptApart kept, std::string& out) {
  NestedText text(cell);
  out.push_back('c');
  if (!text.take('(')) return false;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0 && !text.take(',')) return false;
    const auto item = text.item(",)");
    if (!item) return false;
    if (!item->quoted && item->text.empty()) {
      append_big_endian(kNullPart, out);
    } else {
      append_part(item->text, fields[i], kept, out);
    }
  }
  return text.take(')') && text.done();
}

bool append_binary_composite(std::string_view cell, std::span<const ValueReader> fields,
                             KeptApart kept, std::string& out) {
  protocol::ByteReader wire(protocol::as_bytes(cell));
  out.push_back('c');
  if (wire.u32() != fields.size()) return false;
  for (const auto& field : fields) {
    wire.u32();  // its type
    if (!append_wire_part(wire, field, kept, out)) return false;
  }
  return !wire.failed() && wire.rest().empty();
}

bool append_text_range(std::string_view cell, const ValueReader& bound, KeptApart kept,
                       std::string& out) {
  NestedText text(cell);
  return append_one_text_range(text, bound, kept, out) && text.done();
}

bool append_binary_range(std::string_view cell, const ValueReader& bound, KeptApart kept,
                         std::string& out) {
  protocol::ByteReader wire(protocol::as_bytes(cell));
  const auto byte = wire.u8();
  if (!byte) return false;
  const unsigned flags = *byte & kRangeFlags;
  out.push_back('r');
  out.push_back(static_cast<char>(flags));
  if ((flags & kRangeEmpty) != 0) return wire.rest().empty();
  for (const unsigned infinite : {kLowerInfinite, kUpperInfinite}) {
    if ((flags & infinite) == 0 && !append_wire_part(wire, bound, kept, out)) return false;
  }
  return wire.rest().empty();
}

bool append_text_multirange(std::string_view cell, const ValueReader& bound, KeptApart kept,
                            std::string& out) {
  NestedText text(cell);
  out.push_back('q');
  if (!text.take('{')) return false;
  if (text.take('}')) return text.done();
  do {
    if (!append_one_text_range(text, bound, kept, out)) return false;
  } while (text.take(','));
  return text.take('}') && text.done();
}

bool append_binary_multirange(std::string_view cell, const ValueReader& bound, KeptApart kept,
                              std::string& out) {
  protocol::ByteReader wire(protocol::as_bytes(cell));
  auto count = wire.u32();
  if (!count) return false;
  out.push_back('q');
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto length = wire.i32();
    if (!length || *length < 0) return false;
    const auto range = wire.bytes(static_cast<std::size_t>(*length));
    if (!range || !append_binary_range(protocol::as_text(*range), bound, kept, out)) return false;
  }
  return wire.rest().empty();
}

}  // namespace parallax::shadow
