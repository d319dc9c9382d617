#pragma once

// The breakers of an engine: one for each rule, and one for all of its replays.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "shadow/breaker.h"
#include "shadow/report.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

class Breakers {
 public:
  // `rule` null: that of all replays.
  using Changed = std::function<void(const Rule* rule, const Breaker::Change& change)>;
  struct Tickets {
    Breaker::Ticket rule = Breaker::Ticket::ordinary;
    Breaker::Ticket all = Breaker::Ticket::ordinary;
  };

  // `rules`: how many there are. `connections`: how many replays may be under way at once.
  Breakers(std::size_t rules, std::size_t connections, Changed changed);

  bool admits(const Rule& rule, std::uint64_t now_ns) const;
  Tickets begin(const Rule& rule, std::uint64_t now_ns);
  void ended(const Rule& rule, const Tickets& tickets, const Breaker::Replay& replay,
             std::uint64_t now_ns);

 private:
  std::vector<Breaker> of_rules_;
  Breaker of_all_;
  Changed changed_;
};

// Whether an end without a verdict has cost the server more than an answer: a timeout, its trouble
// or the loss of the connection, a result over the limit.
bool is_costly(const decltype(Outcome::end)& end);

}  // namespace parallax::shadow
