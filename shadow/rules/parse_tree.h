#pragma once

// The server's parse tree of a text as libpg_query gives it in JSON.

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace parallax::shadow {

enum class TreePlaces { kept, left_out };

// Without places they are the same where the same expression stands elsewhere. Discarded
// (json::is_discarded) when the text cannot be parsed, or is nested deeper than
// kExpressionDepthMax.
nlohmann::json parse_tree(const std::string& sql, TreePlaces places);

// Null where there is no such member, or no node.
const nlohmann::json* tree_member(const nlohmann::json* node, const char* key);

}  // namespace parallax::shadow
