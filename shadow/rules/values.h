#pragma once

// What parameters, literals and pins are worth: by value, not by spelling.

#include <optional>
#include <string>
#include <string_view>

#include "shadow/rules/rule.h"

namespace parallax::shadow {

// The value as the server's text format has it. Nothing for NULL, and for binary values of types
// that are not read (read are bool, int2, int4, int8, oid, uuid, text, varchar, char(n), name,
// json).
std::optional<std::string> text_of(const Value& value);

// A literal or pin as the value that it gives to a name.
Value value_of(const Slot& literal);

// Equal for a name at several places: the same text, or the same bytes of the same format and type.
bool same_value(const Value& a, const Value& b);

// Exact comparison of decimal numbers as PostgreSQL writes them (1 = 1.0 = 01 = 1e0); false when
// one is no number.
bool same_number(std::string_view a, std::string_view b);

// What bool's input function reads (true, t, yes, on, 1, ..., any case, outer blanks).
std::optional<bool> read_boolean(std::string_view text);

// Whether the value is what the pin says: NULL for NULL, numbers and booleans by value, others by
// decoded text.
bool pin_holds(const Slot& pin, const Value& value);

// Whether one value could satisfy both.
bool pins_agree(const Slot& a, const Slot& b);

}  // namespace parallax::shadow
