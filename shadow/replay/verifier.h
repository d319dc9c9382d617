#pragma once

// Verifies rules on a connection of the pool, and again until the server has told about each of
// them and no right is missing. Asks first, once, what the server and the shadow's role are.

#include <chrono>
#include <deque>
#include <functional>
#include <memory>

#include "proxy/io/timer.h"
#include "shadow/options.h"
#include "shadow/replay/pool.h"
#include "shadow/replay/rule_check.h"
#include "shadow/replay/server_facts.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

inline constexpr std::chrono::milliseconds kVerifyRetryFirst{1'000};
inline constexpr std::chrono::milliseconds kVerifyRetryMax{30'000};

class Verifier {
 public:
  using Found = std::function<void(const Rule&, Verification)>;

  using FactsFound = std::function<void(const ServerFacts&)>;

  // `tables` of all rules, as Rule::tables. `facts_found` is called once.
  Verifier(io::Loop& loop, const Options& options, Pool& pool, std::vector<std::string> tables,
           Found found, FactsFound facts_found);

  // Adds a rule; `found` is called for it from the loop: once, or as long as it is broken but may
  // mend (Verification::may_mend) also after each new attempt. What waits is bounded by the number
  // of rules.
  void verify(const Rule& rule);
  // Nothing is called any more; a connection in use is closed and given back.
  void close();

 private:
  void begin_round();
  void check_facts();
  void on_facts(std::variant<ServerFacts, ReplaySkip> facts);
  void check_next();
  void on_checked(RuleCheck::End&& end);
  void end_round();
  void retry_later();

  io::Loop& loop_;
  const Options& options_;
  Pool& pool_;
  Found found_;
  io::Timer retry_;
  std::chrono::milliseconds next_retry_ = kVerifyRetryFirst;
  std::deque<const Rule*> pending_;
  std::deque<const Rule*> again_;  // the server could not tell, or may mend it; in the next round
  std::vector<std::string> tables_;
  FactsFound facts_found_;  // null when they are known
  std::shared_ptr<ServerFactsCheck> facts_;
  bool in_round_ = false;  // has a connection, or waits for one
  bool closed_ = false;
  Connection* connection_ = nullptr;
  std::shared_ptr<RuleCheck> check_;
};

}  // namespace parallax::shadow
