#pragma once

// All tags in SQL comments, for --legacy and --rewrite (the operation alone is
// rules/statement_tags.h's), as sqlcommenter writes them:
// `/*operation='user.getProfile',route='%2Fapi'*/`.

#include <map>
#include <string>
#include <string_view>

namespace parallax::shadow {

using CommentTags = std::map<std::string, std::string, std::less<>>;

// Of the comments before and after the statement. Values are decoded (%2F, \'). What does not read
// as a tag is passed over.
CommentTags comment_tags(std::string_view sql);

}  // namespace parallax::shadow
