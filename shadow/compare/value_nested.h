#pragma once

// Canonical texts of values that are made of other values: arrays, composites, ranges. Each part
// stands behind its length. False: malformed; a part may then have been appended.

#include <span>
#include <string>
#include <string_view>

#include "shadow/compare/value_reader.h"

namespace parallax::shadow {

// "{1,NULL}", "[0:1]={a,\"b c\"}", "{{1,2},{3,4}}"; bounds are part of the value.
bool append_text_array(std::string_view cell, const ValueReader& element, char delimiter,
                       KeptApart kept, std::string& out);
bool append_binary_array(std::string_view cell, const ValueReader& element, KeptApart kept,
                         std::string& out);

// "(1,,\"b c\")".
bool append_text_composite(std::string_view cell, std::span<const ValueReader> fields,
                           KeptApart kept, std::string& out);
bool append_binary_composite(std::string_view cell, std::span<const ValueReader> fields,
                             KeptApart kept, std::string& out);

// "[1,5)", "(,5]", "empty".
bool append_text_range(std::string_view cell, const ValueReader& bound, KeptApart kept,
                       std::string& out);
bool append_binary_range(std::string_view cell, const ValueReader& bound, KeptApart kept,
                         std::string& out);

// "{[1,5),[7,)}".
bool append_text_multirange(std::string_view cell, const ValueReader& bound, KeptApart kept,
                            std::string& out);
bool append_binary_multirange(std::string_view cell, const ValueReader& bound, KeptApart kept,
                              std::string& out);

// For people: the items between braces or parentheses, without quotes. Hex for what is malformed.
std::string readable_array(std::string_view cell, const ValueReader& element);
std::string readable_composite(std::string_view cell, std::span<const ValueReader> fields);

}  // namespace parallax::shadow
