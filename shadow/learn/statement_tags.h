#pragma once

// Tags in SQL comments, as sqlcommenter writes them:
// `/*operation='user.getProfile',route='%2Fapi'*/`.

#include <map>
#include <string>
#include <string_view>

namespace parallax::shadow {

using StatementTags = std::map<std::string, std::string, std::less<>>;

// Of the comments before and after the statement. Values are decoded (%2F, \'). What does not read
// as a tag is passed over.
StatementTags statement_tags(std::string_view sql);

}  // namespace parallax::shadow
