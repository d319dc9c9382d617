#pragma once

// Steps of a replay on the client's own connection: the engine's end of ClientRun. Each run is one
// savepoint. The session's settings are there already, and its own uncommitted rows. Each statement
// may see what others have committed before it, so the run says whether anybody has.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "proxy/io/loop.h"
#include "shadow/options.h"
#include "shadow/replay/read_only_transaction.h"
#include "shadow/replay/steps_runner.h"
#include "shadow/strict/strict.h"

namespace parallax::shadow {

// Brings what the workers answer to a loop, as long as there is one.
class LoopDoor {
 public:
  explicit LoopDoor(io::Loop& loop) : loop_(&loop) {}
  // Thread-safe; nothing happens after close().
  void post(std::function<void()> task);
  // On the loop's thread, or when it has ended.
  void close();

 private:
  std::mutex mutex_;
  io::Loop* loop_;
};

class ClientTransaction {
 public:
  // References must outlive it.
  ClientTransaction(std::shared_ptr<LoopDoor> loop, const Options& options, StrictDoor& door,
                    const StrictTicket& ticket);
  ~ClientTransaction();
  ClientTransaction(const ClientTransaction&) = delete;
  ClientTransaction& operator=(const ClientTransaction&) = delete;

  StepsRunner runner();
  // No other transaction that writes has ended from the beginning of the last run to its end: all
  // its statements have seen the same. The server's own snapshots say so: every commit or abort of
  // a transaction with an id changes xmax or the list of those that run (PostgreSQL manual,
  // "pg_snapshot").
  bool steady() const { return !began_with_.empty() && began_with_ == ended_with_; }
  // Nothing is called any more; the session rolls back by itself.
  void abort();

 private:
  void run(std::vector<TransactionStep> steps, ReadOnlyTransaction::Done done,
           ReadOnlyTransaction::Next next);
  void send(std::vector<TransactionStep> steps, bool last);
  void on_round(bool first, bool last, ClientRoundEnd end);
  void on_results(std::vector<StepResult> results);
  void finish(TransactionEnd end);

  std::shared_ptr<LoopDoor> loop_;
  const Options& options_;
  StrictDoor& door_;
  StrictTicket ticket_;
  ReadOnlyTransaction::Done done_;
  ReadOnlyTransaction::Next next_;
  std::optional<TransactionEnd> end_;  // known, while the savepoint is being left
  bool first_ = true;                  // no savepoint yet
  std::string began_with_;             // the server's snapshot
  std::string ended_with_;
  // What a late answer finds gone.
  std::shared_ptr<ClientTransaction*> self_;
};

}  // namespace parallax::shadow
