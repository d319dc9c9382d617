#pragma once

// The generic plans of a rule's two sides: what the server would do for any values. Prepared and
// explained (EXPLAIN EXECUTE with plan_cache_mode = force_generic_plan, PostgreSQL 12 and later),
// never executed; a plan made for values would show them.

#include <functional>
#include <string>

#include "shadow/options.h"
#include "shadow/replay/connection.h"
#include "shadow/replay/read_only_transaction.h"
#include "shadow/report.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

class RulePlansQuery {
 public:
  using Done = std::function<void(RulePlans)>;

  RulePlansQuery(io::Loop& loop, const Options& options, const Rule& rule);

  // Once. The connection must be idle; afterwards it is idle or closed. `done` may destroy this
  // object, and may come from within this call when nothing can be sent.
  void run(Connection& connection, Done done);

 private:
  void explain_next();
  void on_explained(TransactionEnd end);
  void forget_statement();

  const Rule& rule_;
  ReadOnlyTransaction transaction_;
  Connection* connection_ = nullptr;
  Done done_;
  RulePlans plans_;
  std::size_t next_ = 0;  // statement of legacy; behind them the rewrite
};

}  // namespace parallax::shadow
