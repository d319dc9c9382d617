#pragma once

// Connections to the shadow server: made when needed, closed when idle for long, and never more
// than Options::pool_max at the server, where one that is closed here counts until the server has
// let go of it. After a failure no new attempt is made for a while, so that a server in trouble is
// not made worse and a wrong password is not tried over and over. A server that has no connection
// left gets all of them back: the application comes first.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "proxy/io/loop.h"
#include "proxy/io/name_lookup.h"
#include "proxy/io/timer.h"
#include "shadow/options.h"
#include "shadow/replay/closing_socket.h"
#include "shadow/replay/connection.h"
#include "shadow/replay/read_only_transaction.h"

namespace parallax::shadow {

inline constexpr std::chrono::milliseconds kBackOffFirst{500};
inline constexpr std::chrono::milliseconds kBackOffMax{30'000};
// At least, when the server had no connection left. Afterwards there may be one connection, and one
// more each time that so much has passed without another refusal.
inline constexpr std::chrono::milliseconds kBackOffFull{5'000};
inline constexpr std::chrono::milliseconds kGrowthFull{30'000};
// When all connections are lost at once, others have lost theirs too: not all come back in the same
// moment.
inline constexpr std::chrono::milliseconds kSpread{250};
// A connection that was closed while the server was at work counts as one for the statement's time
// limit, but no longer than this: otherwise few of them would take the pool's place for long.
inline constexpr std::chrono::milliseconds kWorkingMax{10'000};

class Pool {
 public:
  // An idle connection (to be given back by release()), or why there is none.
  using Acquired = std::function<void(std::variant<Connection*, ReplaySkip>)>;
  // Called for each attempt to connect that failed.
  using ConnectFailed = std::function<void(const ConnectionError&)>;

  Pool(io::Loop& loop, const Options& options, ConnectFailed connect_failed);
  ~Pool();

  // First come, first served; the callback may come from within this call. Who may wait is bounded
  // by the callers (the queue's budget and the one verifier).
  void acquire(Acquired acquired);
  // A connection that is not idle (closed, in a transaction) is closed and forgotten.
  void release(Connection& connection);

  // There are to be no more than so many, of those that may be; idle ones beyond are closed.
  void limit_to(std::size_t most);
  // From now on a connection that nobody waits for is closed.
  void let_go_idle();
  // At the server: also those that it has not let go of yet. On the loop's thread.
  std::size_t held() const { return entries_.size() + closing_.size(); }

  // Forgets who waits, without calling them.
  void forget_waiters() { waiters_.clear(); }
  // All connections, also those in use: their users must be gone.
  void close();

  // Thread-safe.
  std::size_t connecting() const { return connecting_.load(std::memory_order_relaxed); }
  std::size_t idle() const { return idle_.load(std::memory_order_relaxed); }
  std::size_t busy() const { return busy_.load(std::memory_order_relaxed); }

 private:
  enum class State { connecting, idle, busy };
  class Entry;
  using EntryPtr = std::shared_ptr<Entry>;

  void serve_waiters();
  void open_more();
  void on_connected(Entry& entry, std::optional<ConnectionError> error);
  void become_idle(Entry& entry);
  void hand_out(Entry& entry, const Acquired& acquired);
  void remove(Entry& entry);
  void let_go(Connection& connection);
  void on_gone(std::uint64_t number);
  void on_loss();
  std::size_t allowed() const;
  bool yielding() const {
    return failure_.reason == SkipReason::too_many_connections && backing_off();
  }
  void yield_all();
  void set_state(Entry& entry, State state);
  void count();
  void back_off(const ConnectionError& error);
  std::chrono::milliseconds up_to(std::chrono::milliseconds limit);
  bool backing_off() const;
  void fail_waiters();

  io::Loop& loop_;
  const Options& options_;
  ConnectFailed connect_failed_;
  std::vector<EntryPtr> entries_;
  std::map<std::uint64_t, std::shared_ptr<ClosingSocket>> closing_;  // by number
  std::uint64_t closings_ = 0;
  std::deque<Acquired> waiters_;
  bool serving_ = false;
  bool keeps_idle_ = true;
  std::size_t most_ = SIZE_MAX;  // below Options::pool_max
  // False until an attempt succeeds after a failure: meanwhile attempts are made one at a time.
  bool reachable_ = false;
  std::chrono::milliseconds next_back_off_ = kBackOffFirst;
  std::uint64_t no_attempt_before_ns_ = 0;
  std::uint64_t full_at_ns_ = 0;  // when the server last had no connection left; 0 = never
  io::NameLookup names_;
  io::Timer spread_;
  std::minstd_rand random_{std::random_device{}()};
  ReplaySkip failure_;  // of the last attempt

  std::atomic<std::size_t> connecting_{0};
  std::atomic<std::size_t> idle_{0};
  std::atomic<std::size_t> busy_{0};
};

}  // namespace parallax::shadow
