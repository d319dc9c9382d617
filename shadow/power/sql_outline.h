#pragma once

// Where the parts of a SELECT stand in its text: clauses, conditions, sort keys, columns. Reads
// tokens, because edits are made in the text that the user wrote, and the parse tree knows only
// where things begin. What is made of it must be parsed before it is believed.

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/rules/tokens.h"

namespace parallax::shadow {

// Tokens [first, last).
struct TokenSpan {
  std::size_t first = 0;
  std::size_t last = 0;
  bool empty() const { return first >= last; }
};

// Operands of one level of AND and OR.
struct ConditionList {
  enum class Of { where, on };  // `where`: also HAVING and FILTER
  Of of = Of::where;
  bool nested = false;  // in brackets inside another
  std::vector<TokenSpan> operands;
  std::vector<std::size_t> separators;  // AND or OR, one less
};

struct SortList {
  std::size_t order = 0;  // the word ORDER
  std::vector<TokenSpan> keys;
};

struct SelectedColumn {
  TokenSpan expression;
  std::string alias;  // as it is written; empty: none
};

struct SelectOutline {
  TokenSpan span;
  bool outermost = false;
  bool set_operation = false;  // UNION and the like between its arms
  bool grouped = false;        // GROUP BY
  bool joined = false;
  std::optional<std::size_t> select;    // the word SELECT
  std::optional<std::size_t> distinct;  // the word DISTINCT behind it, without ON
  std::vector<SelectedColumn> columns;  // empty where one is a star
  std::optional<TokenSpan> limit;       // the number, without the word
  std::optional<TokenSpan> offset;
};

class SqlOutline {
 public:
  // `sql`: as a rule has it, with names. Empty where it cannot be scanned.
  explicit SqlOutline(std::string_view sql);

  const std::vector<Token>& tokens() const { return tokens_; }
  // A keyword, or an operator of this type; not a name, a label or a column that is called so.
  bool is(std::size_t i, int type) const;
  std::string_view text(std::size_t i) const;
  // From the first byte of the span to its last.
  std::string_view text(TokenSpan span) const;
  // Behind what is opened here, otherwise the next token.
  std::size_t after(std::size_t i) const;
  // Between what is opened here and its end.
  TokenSpan inside(std::size_t bracket) const;
  // Members of a list with commas.
  std::vector<TokenSpan> members(TokenSpan list) const;
  // A rule's name or `:_` stands in it.
  bool has_name(TokenSpan span) const;
  bool has_link(TokenSpan span) const;

  const std::vector<SelectOutline>& selects() const { return selects_; }
  const std::vector<ConditionList>& conditions() const { return conditions_; }
  const std::vector<SortList>& sorts() const { return sorts_; }

 private:
  bool is_name_at(std::size_t i) const;
  void match_brackets();
  void read_group(TokenSpan span, bool outermost);
  bool has_at_level(TokenSpan span, std::initializer_list<int> types) const;
  void read_select(TokenSpan span, bool outermost);
  void read_columns(TokenSpan span, SelectOutline& select) const;
  void read_joins(TokenSpan span);
  void read_condition(TokenSpan span, ConditionList::Of of, bool nested);
  void read_sort(std::size_t order, std::size_t last);
  bool begins_clause(std::size_t i) const;
  bool begins_join(std::size_t i) const;
  SelectedColumn column(TokenSpan span) const;

  std::string_view sql_;
  std::vector<Token> tokens_;
  std::vector<std::size_t> closing_;  // by token: what closes it; itself where it opens nothing
  std::vector<SelectOutline> selects_;
  std::vector<ConditionList> conditions_;
  std::vector<SortList> sorts_;
};

}  // namespace parallax::shadow
