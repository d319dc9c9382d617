#pragma once

// The first half of a statement's shape: tokens put together to what a key is written from.

#include <cstddef>
#include <string_view>
#include <variant>
#include <vector>

#include "shadow/rules/statement_shape.h"
#include "shadow/rules/tokens.h"

namespace parallax::shadow {

// A token, or a slot that covers one to three tokens.
struct Element {
  static constexpr std::size_t kNoSlot = static_cast<std::size_t>(-1);

  std::size_t token = 0;       // first token
  std::size_t slot = kNoSlot;  // index into the slots
  bool constant = false;       // a literal that stays in the key with its text

  bool is_slot() const { return slot != kNoSlot; }
  // A slot of the key, not a constant that stays in it.
  bool is_value() const { return is_slot() && !constant; }
};

struct ShapeElements {
  std::vector<Element> elements;
  std::vector<Slot> slots;
  bool sets_config = false;  // as in StatementShape
  bool may_write = false;
  bool creates_temp = false;
};

// `tokens` are those of `sql`.
std::variant<ShapeElements, ShapeError> read_elements(std::string_view sql, ShapeDialect dialect,
                                                      const std::vector<Token>& tokens);

}  // namespace parallax::shadow
