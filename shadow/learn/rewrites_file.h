#pragma once

// Statements of the rewrite that a script has written down (Drizzle's `.toSQL()`), where the new
// code cannot run yet. Public face of shadow/.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shadow/learn/statement_log.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

struct WrittenRewrite {
  std::string operation;
  std::string sql;
  std::vector<Value> parameters;
};

// [{"operation": "user.getProfile", "sql": "select …", "params": ["usr_0001"]}, …], or what is
// wrong and where.
std::variant<std::vector<WrittenRewrite>, std::string> read_rewrites(std::string_view json);

// As statements that were seen, without results. Returns what is wrong with the first that cannot
// be read; empty: all can.
std::string add_rewrites(const std::vector<WrittenRewrite>& rewrites, StatementLog& log);

}  // namespace parallax::shadow
