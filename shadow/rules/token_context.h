#pragma once

// What a token means by its neighbours.

#include <cstddef>
#include <span>
#include <string_view>

#include "shadow/rules/tokens.h"

namespace parallax::shadow {

bool is_comparison(int type);

// Whether a condition, and nothing that a value belongs to, may begin after / end before this
// token. A token of type 0 (a slot) never does.
bool opens_condition(const Token& token);
bool closes_condition(const Token& token);

// SELECT, VALUES, TABLE.
bool starts_subselect(int type);

class TokenContext {
 public:
  TokenContext(std::string_view sql, std::span<const Token> tokens) : sql_(sql), tokens_(tokens) {}

  // `-` or `+` at token i belongs to the number after it: what stands before cannot be the left
  // side of an operator.
  bool is_sign(std::size_t i) const;

  bool calls_set_config(std::size_t i) const;
  // INSERT INTO, UPDATE t, DELETE FROM, MERGE INTO at the start of a statement, a CTE or the
  // statement after WITH.
  bool starts_write(std::size_t i) const;
  // CREATE [OR REPLACE] [LOCAL] TEMP, SELECT INTO TEMP, pg_temp.x.
  bool creates_temp(std::size_t i) const;

 private:
  int type(std::size_t i) const { return i < tokens_.size() ? tokens_[i].type : 0; }
  int before(std::size_t i) const { return i > 0 ? type(i - 1) : 0; }
  // The token is this name, quoted or not.
  bool is_identifier(std::size_t i, std::string_view lower) const;

  std::string_view sql_;
  std::span<const Token> tokens_;
};

}  // namespace parallax::shadow
