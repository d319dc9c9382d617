#pragma once

// Tags in the SQL comments around a statement, as sqlcommenter writes them:
// /*operation='user.getProfile',route='%2Fapi'*/.

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace parallax::shadow {

// `value` as it is written, \' unescaped.
using TagFound = std::function<void(std::string_view key, const std::string& value)>;
// Of the comments before and after `code`, the view of `sql` that without_outer_comments() gives. A
// comment is read as long as it reads as tags.
void read_comment_tags(std::string_view sql, std::string_view code, const TagFound& found);

// %2F is `/`; what is no escape stays as it stands.
std::string url_decoded(std::string_view text);

// All of them, decoded.
using CommentTags = std::map<std::string, std::string, std::less<>>;
CommentTags comment_tags(std::string_view sql);

}  // namespace parallax::shadow
