#pragma once

// A held statement may complete several operations; its client hears one answer, when the last of
// them has ended: the first refusal, or none. Of the shadow thread alone.

#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "shadow/strict/strict.h"

namespace parallax::shadow {

class StrictVotes {
 public:
  // Until close(), every operation that ends or begins is one that the statement has completed.
  void open(const std::optional<StrictHold>& hold) {
    current_ = hold;
    if (!hold) return;
    Vote& vote = votes_[key(hold->ticket)];
    vote.ticket = hold->ticket;
    vote.closed = false;
    ++vote.offers;
  }
  void close(StrictDoor* door) {
    const auto hold = std::exchange(current_, std::nullopt);
    if (hold) settle(votes_.find(key(hold->ticket)), true, door);
  }

  // An operation of the rule takes part in the vote; nothing: nobody waits for it.
  std::optional<StrictTicket> current(const Rule& rule) {
    if (!current_ || !current_->is_for(rule)) return std::nullopt;
    ++votes_[key(current_->ticket)].outstanding;
    return current_->ticket;
  }
  void end(const StrictTicket& ticket, std::optional<StrictRefusal> refusal, StrictDoor* door) {
    const auto vote = votes_.find(key(ticket));
    if (vote == votes_.end()) return;
    --vote->second.outstanding;
    if (refusal && !vote->second.refusal) vote->second.refusal = std::move(refusal);
    settle(vote, vote->second.closed, door);
  }

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;  // session, serial
  struct Vote {
    StrictTicket ticket;
    std::size_t outstanding = 0;
    std::optional<StrictRefusal> refusal;
    bool closed = false;
    std::size_t offers = 0;
  };
  using Votes = std::map<Key, Vote>;

  static Key key(const StrictTicket& ticket) { return {ticket.session_id, ticket.serial}; }
  void settle(Votes::iterator vote, bool closed, StrictDoor* door) {
    vote->second.closed = closed;
    if (!closed || vote->second.outstanding > 0) return;
    if (door != nullptr)
      door->answer({vote->second.ticket, vote->second.offers, std::move(vote->second.refusal)});
    votes_.erase(vote);
  }

  std::optional<StrictHold> current_;
  Votes votes_;
};

}  // namespace parallax::shadow
