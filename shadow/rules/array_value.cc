#include "shadow/rules/array_value.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "protocol/bytes.h"
#include "shadow/rules/nested_text.h"
#include "shadow/rules/values.h"

namespace parallax::shadow {

namespace {

bool is_null_word(const NestedItem& item) {
  if (item.quoted || item.text.size() != 4) return false;
  std::string word(item.text);
  for (char& c : word) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return word == "NULL";
}

std::optional<std::vector<Value>> text_members(std::string_view array) {
  NestedText text(array);
  std::vector<Value> members;
  if (!text.take('{')) return std::nullopt;
  if (text.take('}')) return text.done() ? std::optional(members) : std::nullopt;
  do {
    if (text.peek() == '{') return std::nullopt;
    const auto item = text.item(",}");
    if (!item) return std::nullopt;
    Value& member = members.emplace_back();
    member.null = is_null_word(*item);
    if (!member.null) member.bytes = item->text;
  } while (text.take(','));
  if (!text.take('}') || !text.done()) return std::nullopt;
  return members;
}

// Dimensions, a flag, the members' type, then size and lower bound of each dimension; each member
// behind its length (array_send in PostgreSQL's arrayfuncs.c).
std::optional<std::vector<Value>> binary_members(std::string_view array) {
  protocol::ByteReader reader(protocol::as_bytes(array));
  const auto dimensions = reader.i32();
  const auto flags = reader.i32();
  const auto type = reader.u32();
  std::vector<Value> members;
  if (!flags || !type) return std::nullopt;
  if (dimensions == 0) return members;
  const auto size = reader.i32();
  const auto bound = reader.i32();
  if (dimensions != 1 || !size || !bound) return std::nullopt;
  for (std::int32_t i = 0; i < *size; ++i) {
    const auto length = reader.i32();
    if (!length) return std::nullopt;
    Value member{.null = *length < 0, .binary = true, .type_oid = *type, .bytes = {}};
    if (!member.null) {
      const auto bytes = reader.bytes(static_cast<std::size_t>(*length));
      if (!bytes) return std::nullopt;
      member.bytes = protocol::as_text(*bytes);
    }
    members.push_back(std::move(member));
  }
  return members;
}

}  // namespace

std::optional<std::string> array_text(const std::vector<Value>& members) {
  std::string text = "{";
  for (const Value& member : members) {
    if (text.size() > 1) text.push_back(',');
    if (member.null) {
      text += "NULL";
      continue;
    }
    const auto element = text_of(member);
    if (!element) return std::nullopt;
    text.push_back('"');
    for (const char c : *element) {
      if (c == '"' || c == '\\') text.push_back('\\');
      text.push_back(c);
    }
    text.push_back('"');
  }
  text.push_back('}');
  return text;
}

std::optional<std::vector<Value>> array_members(const Value& array) {
  if (array.null) return std::nullopt;
  return array.binary ? binary_members(array.bytes) : text_members(array.bytes);
}

}  // namespace parallax::shadow
