#pragma once

// The replay of one operation on one connection. Live: the side that the client did not send alone,
// against what it got; what that does not settle is decided in a snapshot.

#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "shadow/captured.h"
#include "shadow/replay/snapshot.h"
#include "shadow/replay/steps_runner.h"

namespace parallax::shadow {

struct ReplayRequest {
  SnapshotRequest snapshot;
  bool live = false;         // begin with the other side alone
  bool binary_live = false;  // ... in binary format, as the client had it
};

class OperationReplay {
 public:
  // Whether what the other side gave by itself settles the operation. Called once at most.
  using SettlesLive = std::function<bool(const StepResult& shadow)>;
  struct SettledLive {};
  using End = std::variant<SettledLive, SnapshotResult, ReplaySkip>;
  using Done = std::function<void(End)>;

  OperationReplay(io::Loop& loop, const Options& options, ReplayRequest request);

  // Once. The connection must be idle; afterwards it is idle or closed. `done` may destroy this
  // object, and may come from within this call when nothing can be sent.
  void run(Connection& connection, SettlesLive settles, Done done);
  // Once, in its place: where the client's own connection is what its statement is compared on.
  void run_for_client(StepsRunner runner, Done done);
  // Once more, from within `done` too.
  void run_for_client_again() { run_snapshot(); }
  // Closes the connection; nothing is called any more.
  void abort();

 private:
  void run_live();
  TransactionStep live_step() const;
  std::optional<ReadOnlyTransaction::Round> after_lets(const std::vector<StepResult>& lets);
  void on_live(TransactionEnd end);
  void run_snapshot();

  ReplayRequest request_;
  SettlesLive settles_;
  Done done_;
  ReadOnlyTransaction transaction_;
  StepsRunner runner_;
  std::unique_ptr<Snapshot> snapshot_;
  bool let_failed_ = false;
};

}  // namespace parallax::shadow
