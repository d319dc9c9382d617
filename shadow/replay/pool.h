#pragma once

// Connections to the shadow server: made when needed, never more than Options::pool_max, closed
// when idle for long. After a failure no new attempt is made for a while, so that a server in
// trouble is not made worse and a wrong password is not tried over and over.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proxy/io/loop.h"
#include "shadow/options.h"
#include "shadow/replay/connection.h"
#include "shadow/replay/read_only_transaction.h"

namespace parallax::shadow {

inline constexpr std::chrono::milliseconds kBackOffFirst{500};
inline constexpr std::chrono::milliseconds kBackOffMax{30'000};

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
  void set_state(Entry& entry, State state);
  void count();
  void back_off(const ConnectionError& error);
  bool backing_off() const;
  void fail_waiters();

  io::Loop& loop_;
  const Options& options_;
  ConnectFailed connect_failed_;
  std::vector<EntryPtr> entries_;
  std::deque<Acquired> waiters_;
  bool serving_ = false;
  // False until an attempt succeeds after a failure: meanwhile attempts are made one at a time.
  bool reachable_ = false;
  std::chrono::milliseconds next_back_off_ = kBackOffFirst;
  std::uint64_t no_attempt_before_ns_ = 0;
  ReplaySkip failure_;  // of the last attempt

  std::atomic<std::size_t> connecting_{0};
  std::atomic<std::size_t> idle_{0};
  std::atomic<std::size_t> busy_{0};
};

}  // namespace parallax::shadow
