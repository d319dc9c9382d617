#pragma once

// Verifies rules on a connection of the pool, and again until the server has told about each of
// them and no right is missing. Asks first, once, what the server and the shadow's role are.

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "proxy/io/timer.h"
#include "shadow/options.h"
#include "shadow/replay/pool.h"
#include "shadow/replay/rule_check.h"
#include "shadow/replay/rule_plans.h"
#include "shadow/replay/server_facts_check.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

inline constexpr std::chrono::milliseconds kVerifyRetryFirst{1'000};
inline constexpr std::chrono::milliseconds kVerifyRetryMax{30'000};

class Verifier {
 public:
  using Found = std::function<void(const Rule&, Verification)>;
  using Planned = std::function<void(const Rule&, const RulePlans&)>;

  // All are called from the loop.
  struct Listener {
    std::function<void(const ServerFacts&)> facts;  // once
    Found found;
    Planned planned;  // after `found`, of a rule that is ready, with Options::generic_plans
    // The server could not tell, or could not be asked; it will be asked again.
    std::function<void(const Rule&, const ReplaySkip&)> not_told = nullptr;
    // Every rule that waited has been found or not told.
    std::function<void()> round_ended = nullptr;
  };

  // `rules`: all that there are; the server's facts are about their tables.
  Verifier(io::Loop& loop, const Options& options, Pool& pool, const RuleSet& rules,
           Listener listener);

  // Adds a rule, which is found once; one that is broken but may mend (Verification::may_mend) is
  // tried and found again. What waits is bounded by the number of rules.
  void verify(const Rule& rule);
  // Asleep no round begins, and one that is under way ends early: what waits, waits until it is
  // awake again. Awake from the start.
  void set_awake(bool awake);
  // Nothing is called any more; a connection in use is closed and given back.
  void close();
  // Ends with the rule that is being looked at; then the connection is given back.
  void finish();

 private:
  void begin_round();
  void check_facts();
  void on_facts(std::variant<ServerFacts, ReplaySkip> facts);
  void check_next();
  void on_checked(RuleCheck::End&& end);
  void explain(const Rule& rule);
  void not_told(const Rule& rule, const ReplaySkip& why) const;
  void end_round();
  void retry_later();

  io::Loop& loop_;
  const Options& options_;
  Pool& pool_;
  const std::vector<std::string> tables_;
  const Listener listener_;
  io::Timer retry_;
  std::chrono::milliseconds next_retry_ = kVerifyRetryFirst;
  std::deque<const Rule*> pending_;
  std::deque<const Rule*> again_;  // the server could not tell, or may mend it; in the next round
  bool facts_known_ = false;
  bool in_trouble_ = false;  // the server could not tell, or not even be asked
  ReplaySkip trouble_;       // of this round: why it ends early
  std::shared_ptr<ServerFactsCheck> facts_;
  bool in_round_ = false;  // has a connection, or waits for one
  bool awake_ = true;
  bool closed_ = false;
  bool finishing_ = false;
  Connection* connection_ = nullptr;
  std::shared_ptr<RuleCheck> check_;
  std::shared_ptr<RulePlansQuery> plans_;
};

}  // namespace parallax::shadow
