#include "shadow/rules/prepared_text.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "shadow/rules/concat.h"

namespace parallax::shadow {

bool is_name(const Slot& slot) {
  return slot.kind == SlotKind::name || slot.kind == SlotKind::parameter;
}

std::string name_of(const Slot& slot) {
  return slot.kind == SlotKind::parameter ? concat({"$", std::to_string(slot.number)}) : slot.text;
}

std::string spelling_of(const Slot& slot) {
  return slot.kind == SlotKind::parameter ? name_of(slot) : concat({":", slot.text});
}

std::string any_name(const RuleStatement& child, std::size_t group) {
  return concat({":_", child.name, ".", std::to_string(group)});
}

void separate_word(std::string& sql) {
  if (sql.empty()) return;
  const char c = sql.back();
  const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
  if (word) sql.push_back(' ');
}

void append_parameter(std::string& sql, std::size_t number) {
  separate_word(sql);
  sql.push_back('$');
  sql.append(std::to_string(number));
}

std::size_t PreparedText::source_offset(std::size_t offset) const {
  const auto after =
      std::upper_bound(pieces.begin(), pieces.end(), offset,
                       [](std::size_t at, const Piece& piece) { return at < piece.begin; });
  if (after == pieces.begin()) return 0;
  const Piece& piece = *std::prev(after);
  return std::min(piece.source_begin + (offset - piece.begin), piece.source_end);
}

PreparedText prepare_text(std::string_view source, const StatementShape& shape) {
  PreparedText text;
  std::map<std::uint32_t, std::size_t> numbered;
  std::size_t next_number = 1;
  std::size_t at = 0;
  const auto copy_to = [&](std::size_t end) {
    text.pieces.push_back({text.sql.size(), at, end});
    text.sql.append(source.substr(at, end - at));
    at = end;
  };
  for (const SlotGroup& group : shape.slots) {
    for (const Slot& slot : group.members) {
      if (slot.kind == SlotKind::literal) continue;
      copy_to(slot.begin);
      std::size_t number = next_number;
      if (slot.kind == SlotKind::parameter)
        number = numbered.emplace(slot.number, number).first->second;
      if (number == next_number) {
        ++next_number;
        text.parameters.push_back(is_name(slot) ? spelling_of(slot) : std::string());
      }
      separate_word(text.sql);
      // All of a parameter stands for the name's first byte.
      text.pieces.push_back({text.sql.size(), slot.begin, slot.begin});
      append_parameter(text.sql, number);
      at = slot.end;
    }
  }
  copy_to(source.size());
  return text;
}

}  // namespace parallax::shadow
