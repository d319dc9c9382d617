#pragma once

// Verifies rules on a connection of the pool, and again until the server has told about each of
// them.

#include <chrono>
#include <deque>
#include <functional>
#include <memory>

#include "proxy/io/timer.h"
#include "shadow/options.h"
#include "shadow/replay/pool.h"
#include "shadow/replay/rule_check.h"
#include "shadow/replay/rule_plans.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

inline constexpr std::chrono::milliseconds kVerifyRetryFirst{1'000};
inline constexpr std::chrono::milliseconds kVerifyRetryMax{30'000};

class Verifier {
 public:
  using Found = std::function<void(const Rule&, Verification)>;
  using Planned = std::function<void(const Rule&, const RulePlans&)>;

  Verifier(io::Loop& loop, const Options& options, Pool& pool, Found found, Planned planned);

  // Adds a rule; `found` is called once for it, from the loop, and with Options::generic_plans
  // `planned` after it where the rule is ready. What waits is bounded by the number
  // of rules.
  void verify(const Rule& rule);
  // Nothing is called any more; a connection in use is closed and given back.
  void close();

 private:
  void begin_round();
  void check_next();
  void on_checked(RuleCheck::End&& end);
  void explain(const Rule& rule);
  void end_round();
  void retry_later();

  io::Loop& loop_;
  const Options& options_;
  Pool& pool_;
  Found found_;
  Planned planned_;
  io::Timer retry_;
  std::chrono::milliseconds next_retry_ = kVerifyRetryFirst;
  std::deque<const Rule*> pending_;
  std::deque<const Rule*> again_;  // the server could not tell; tried in the next round
  bool in_round_ = false;          // has a connection, or waits for one
  bool closed_ = false;
  Connection* connection_ = nullptr;
  std::shared_ptr<RuleCheck> check_;
  std::shared_ptr<RulePlansQuery> plans_;
};

}  // namespace parallax::shadow
