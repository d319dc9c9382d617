#pragma once

// The mistakes as edits of one statement's text. Names stay in the text, whatever else is lost: a
// rule whose names are not used is none, and the server infers their types from their places.

#include <map>
#include <string>
#include <vector>

#include "shadow/power/mutants.h"
#include "shadow/power/sql_outline.h"

namespace parallax::shadow {

struct TextEdit {
  std::size_t begin = 0;  // bytes
  std::size_t end = 0;
  std::string text;  // in their place
};

struct Mistake {
  std::string description;
  std::vector<TextEdit> edits;                      // apart from each other, in order
  std::map<std::string, std::string> columns = {};  // `columns:` that pair what they have changed
};
using Mistakes = std::vector<Mistake>;

// A condition forgotten, AND and OR confused, bounds that include or exclude, LIKE and ILIKE.
void add_condition_mistakes(const SqlOutline& sql, Mistakes& mistakes);
// Joins that keep or lose rows, UNION and DISTINCT, COALESCE, aggregates.
void add_row_mistakes(const SqlOutline& sql, const RewriteFacts& facts, Mistakes& mistakes);
// ORDER BY, LIMIT, OFFSET.
void add_page_mistakes(const SqlOutline& sql, const RewriteFacts& facts, Mistakes& mistakes);
// Two names exchanged.
void add_name_mistakes(std::string_view sql, const RewriteFacts& facts, Mistakes& mistakes);
// A column that is always NULL, two expressions exchanged.
void add_column_mistakes(const SqlOutline& sql, const RewriteFacts& facts, Mistakes& mistakes);

// For descriptions: white space as one blank, the end of what is long left out.
std::string short_sql(std::string_view text);
TextEdit replaced(const SqlOutline& sql, TokenSpan span, std::string text);
std::string edited(std::string_view sql, const std::vector<TextEdit>& edits);

}  // namespace parallax::shadow
