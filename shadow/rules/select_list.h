#pragma once

// The select list of a rewrite, so that a rule can name its columns by what they are.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace parallax::shadow {

// Deeper expressions have no name: the parse tree of a rule's text is walked recursively.
inline constexpr int kExpressionDepthMax = 400;

class SelectList {
 public:
  // `sql`: one SELECT as a rule writes it, with names (`:name`). Of a set operation the first
  // SELECT counts: it is the one that labels the columns.
  explicit SelectList(std::string_view sql);

  // Number of expressions. 0 when the text could not be read or has a `*`, which stands for any
  // number of columns: then nothing is found either.
  std::size_t size() const { return targets_.size(); }

  // Indexes of the expressions that are `expression`: the same parse tree, so that white space, the
  // case of keywords and of unquoted identifiers, and needless parentheses do not count.
  // `table.column` also finds the column where the select list says schema.table.column.
  std::vector<std::size_t> find(std::string_view expression) const;

 private:
  struct Target {
    std::string tree;          // the parse tree as text
    std::string table_column;  // of a column reference: its last two names; else empty
  };

  // A rule's name as written -> the number of the parameter that stands for it in the parse.
  std::map<std::string, int, std::less<>> names_;
  std::vector<Target> targets_;
};

}  // namespace parallax::shadow
